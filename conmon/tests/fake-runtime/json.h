/* Just enough JSON to read a bundle that a test has written: no value is checked that nobody asks for. */
#ifndef CONMON_TESTS_FAKE_RUNTIME_JSON_H
#define CONMON_TESTS_FAKE_RUNTIME_JSON_H

/* A value is a pointer to its first character; NULL is a value that is not there, and every function takes it. */
const char *json_begin(const char *text);
/* The member of an object. */
const char *json_member(const char *object, const char *name);
/* The elements of an array, one after the other; NULL after the last. */
const char *json_first(const char *array);
const char *json_next(const char *element);
/* A string's text, to be freed; NULL if it is no string. \u escapes above 127 become '?'. */
char *json_string(const char *value);
/* A number or a truth value; 0 if it is neither. */
long json_number(const char *value);

#endif
