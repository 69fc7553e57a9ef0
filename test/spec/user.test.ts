import { accountFileLimit, resolveUser, userRequest, type UserInput } from '../../src/spec';
import { refusalOf, secured, specInput } from './fixture';

const passwd = [
  '# comment',
  'root:x:0:0:root:/root:/bin/sh',
  'broken:x:minus:0::/:',
  'www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin',
  'www-data:x:34:34:second:/second:',
  'huge:x:4294967295:0::/:',
  '1000:x:77:77:numeric name:/numeric:',
  'app:x:1000:1001:app:/home/app:/bin/sh',
  'twin:x:1000:1002:twin:/home/twin:/bin/sh',
  'nohome:x:1003:1003::relative:',
].join('\n');
const group = [
  'root:x:0:',
  'video:x:44:www-data,app',
  'audio:x:29:app , other',
  'approx:x:45:apple,snapp',
  'bad:x:99999999999:app',
  'staff:x:50:root',
].join('\n');

const base: UserInput = {
  id: 'c1',
  runAsUsername: '',
  imageUser: '',
  supplementalGroups: [],
  policy: 0,
  passwd,
  group,
};

describe('resolveUser', () => {
  const cases: [string, Partial<UserInput>, [uid: number, gid: number, groups: number[], home: string]][] = [
    ['nothing set is root, with root’s groups', {}, [0, 0, [0, 50], '/root']],
    ['an image’s name: first match, its gid and groups', { imageUser: 'www-data' }, [33, 33, [33, 44], '/var/www']],
    ['an image’s user:group by names', { imageUser: 'www-data:staff' }, [33, 50, [44, 50], '/var/www']],
    [
      'an image’s user with a numeric group that no file has',
      { imageUser: 'app:4242' },
      [1000, 4242, [29, 44, 4242], '/home/app'],
    ],
    ['an image’s group without a user is root’s', { imageUser: ':staff' }, [0, 50, [50], '/root']],
    ['an image’s user with an empty group', { imageUser: 'app:' }, [1000, 1001, [29, 44, 1001], '/home/app']],
    ['a numeric name is an id, never a name', { runAsUsername: '1000' }, [1000, 1001, [29, 44, 1001], '/home/app']],
    ['an id that passwd has not: gid 0, home /', { imageUser: '1002' }, [1002, 0, [0], '/']],
    [
      'CRI’s uid over the image',
      { runAsUser: 1000n, imageUser: 'www-data' },
      [1000, 1001, [29, 44, 1001], '/home/app'],
    ],
    ['CRI’s name over CRI’s uid', { runAsUsername: 'app', runAsUser: 5n }, [1000, 1001, [29, 44, 1001], '/home/app']],
    ['CRI’s uid 0 is set', { runAsUser: 0n, imageUser: 'app' }, [0, 0, [0, 50], '/root']],
    ['an explicit group overrides passwd', { runAsUser: 1000n, runAsGroup: 7n }, [1000, 7, [7, 29, 44], '/home/app']],
    [
      'Merge adds the image’s groups',
      { runAsUser: 1000n, supplementalGroups: [5n, 44n], policy: 0 },
      [1000, 1001, [5, 29, 44, 1001], '/home/app'],
    ],
    [
      'Strict takes only CRI’s and the primary',
      { runAsUser: 1000n, supplementalGroups: [5n], policy: 1 },
      [1000, 1001, [5, 1001], '/home/app'],
    ],
    ['fsGroup is one of the groups', { runAsUser: 9n, fsGroup: 2000n }, [9, 0, [0, 2000], '/']],
    [
      'the highest id',
      { runAsUser: 2147483647n, runAsGroup: 2147483647n },
      [2147483647, 2147483647, [2147483647], '/'],
    ],
    ['a home that is no absolute path', { imageUser: 'nohome' }, [1003, 1003, [1003], '/']],
    ['no files at all', { passwd: undefined, group: undefined, imageUser: '12:34' }, [12, 34, [34], '/']],
  ];
  test.each(cases)('%s', (_name, over, [uid, gid, additionalGids, home]) => {
    expect(resolveUser({ ...base, ...over })).toEqual({ uid, gid, additionalGids, home });
  });

  const failures: [string, Partial<UserInput>, RegExp][] = [
    ['unknown name', { imageUser: 'nobody' }, /the image's user is "nobody": not in the image's \/etc\/passwd/],
    ['unknown name of CRI', { runAsUsername: 'ghost' }, /run_as_username is "ghost"/],
    ['a name whose ids do not parse', { imageUser: 'broken' }, /"broken": not in/],
    ['a name whose uid is beyond the limit', { imageUser: 'huge' }, /"huge": not in/],
    ['a name without any passwd', { imageUser: 'app', passwd: undefined }, /"app"/],
    ['unknown group', { imageUser: 'app:nogroup' }, /group is "nogroup"/],
    ['a group whose gid is beyond the limit', { imageUser: 'app:bad' }, /group is "bad"/],
    ['group without user', { runAsGroup: 5n, imageUser: 'app' }, /run_as_group 5 is set without run_as_user/],
    ['numeric name beyond 2^31-1', { imageUser: '2147483648' }, /is 2147483648: an id is 0 to 2147483647/],
    ['an id of forty digits', { imageUser: '4'.repeat(40) }, /an id is 0 to/],
    ['numeric group beyond 2^31-1', { imageUser: '1:4294967296' }, /"4294967296"/],
    ['negative uid', { runAsUser: -1n }, /run_as_user is -1/],
    ['negative uid as a name', { imageUser: '-1' }, /"-1": not in/],
    ['uid beyond 2^31-1', { runAsUser: 2147483648n }, /run_as_user is 2147483648/],
    ['supplemental group', { supplementalGroups: [4294967296n] }, /supplemental_groups is 4294967296/],
    ['too many groups', { supplementalGroups: Array.from({ length: 65537 }, (_, i) => BigInt(i + 1)) }, /65538 groups/],
    ['a passwd beyond the limit', { passwd: 'x'.repeat(accountFileLimit + 1) }, /larger than 1048576/],
  ];
  test.each(failures)('refuses %s', (_name, over, message) => {
    expect(refusalOf(() => resolveUser({ ...base, ...over }))).toMatchObject({
      code: 'container-user',
      message: expect.stringMatching(message) as string,
    });
  });

  test.each([
    ['empty lines', '\n'.repeat(accountFileLimit)],
    ['one line of colons', ':'.repeat(accountFileLimit)],
    ['members without end', `g:x:1:${'app,'.repeat(250_000)}`],
    ['short lines', 'a:b:c\n'.repeat(170_000)],
  ])('a hostile file costs little: %s', (_name, text) => {
    const started = performance.now();
    const user = resolveUser({ ...base, passwd: 'app:x:5:6::/:\n', group: text, runAsUsername: 'app' });
    expect(() => resolveUser({ ...base, passwd: text, group: text, imageUser: 'nobody' })).toThrow(/nobody/);
    expect(user.uid).toBe(5);
    expect(performance.now() - started).toBeLessThan(3000);
  });
});

test('userRequest takes the fields of CRI', () => {
  const { config } = specInput({
    config: secured({
      runAsUser: { value: 7n },
      runAsGroup: { value: 8n },
      runAsUsername: 'n',
      supplementalGroups: [9n],
      supplementalGroupsPolicy: 1,
    }),
  });
  expect(userRequest('c1', config, 'app')).toEqual({
    id: 'c1',
    runAsUser: 7n,
    runAsGroup: 8n,
    runAsUsername: 'n',
    imageUser: 'app',
    supplementalGroups: [9n],
    policy: 1,
  });
  expect(resolveUser({ ...userRequest('c1', specInput().config, ''), passwd: undefined, group: undefined })).toEqual({
    uid: 0,
    gid: 0,
    additionalGids: [0],
    home: '/',
  });
});
