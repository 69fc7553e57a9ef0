import { parseUnit, serviceIn, unitProblem } from '../../src/kernel/systemd-unit';

const shown = 'MainPID=412\nDelegate=yes\nKillMode=process\nControlGroup=/system.slice/berth.service\n';

test('what systemctl shows', () => {
  const unit = { mainPid: 412, delegate: true, killMode: 'process', cgroup: '/system.slice/berth.service' };
  expect(parseUnit(shown)).toEqual(unit);
  expect(unitProblem(unit)).toBeUndefined();
});

test.each([
  ['Delegate=no', /no Delegate=yes/],
  ['KillMode=control-group', /KillMode=control-group/],
])('a unit with %s ends more than the daemon', (line, problem) => {
  const changed = shown.replace(new RegExp(`^${line.split('=')[0]}=.*$`, 'm'), line);
  expect(unitProblem(parseUnit(changed))).toMatch(problem);
});

test.each([
  ['v2', '0::/system.slice/berth.service\n', 'berth.service'],
  ['v2, in a cgroup of the unit', '0::/system.slice/berth.service/daemon\n', 'berth.service'],
  ['v1', '4:pids:/x\n1:name=systemd:/system.slice/berth.service\n0::/\n', 'berth.service'],
  ['a session', '0::/user.slice/user-0.slice/session-1.scope\n', undefined],
  ['the root', '0::/\n', undefined],
  ['a controller alone', '4:pids:/system.slice/berth.service\n', undefined],
])('the service of a process: %s', (_name, text, service) => {
  expect(serviceIn(text)).toBe(service);
});
