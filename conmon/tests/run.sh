#!/bin/sh
# Runs each unit test (an argument is a command line) and counts its "ok" and "not ok" lines. A program that fails
# without saying which case (a crash, a sanitizer) counts as one failure under its own name.
passed=0
failed=0
for line in "$@"; do
  name=$(basename "${line%% *}")
  # shellcheck disable=SC2086
  out=$($line 2>&1)
  status=$?
  printf '%s\n' "$out"
  ok=$(printf '%s\n' "$out" | grep -c '^ok ')
  bad=$(printf '%s\n' "$out" | grep -c '^not ok ')
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
    echo "not ok $name: exit status $status"
    bad=1
  elif [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then
    echo "not ok $name: it ran no case"
    bad=1
  fi
  passed=$((passed + ok))
  failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
