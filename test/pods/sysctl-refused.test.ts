import { BerthError } from '../../src/base';
import { sysctlRefused } from '../../src/pods/sysctl-refused';

const pinFailed = (detail: string): BerthError =>
  new BerthError('kernel-refused', { op: 'pin namespaces', object: '/run/netns/x', detail });

test('a sysctl that the kernel refuses is the request’s mistake, by its name and value', () => {
  const cause = pinFailed('sysctl net.ipv4.ip_forward=per=haps: EINVAL');
  expect(sysctlRefused(cause)).toMatchObject({
    code: 'argument-invalid',
    object: 'config.linux.sysctls "net.ipv4.ip_forward"',
    detail: 'the kernel refuses the value "per=haps": EINVAL',
    cause,
  });
});

test.each([pinFailed('unshare: ENOMEM'), new Error('sysctl a.b=c: EINVAL')])('%s is not about one', (error) => {
  expect(sysctlRefused(error)).toBeUndefined();
});
