import { parseProfiles } from '../../../src/kernel/app-armor/profiles';
import { defaultProfile, defaultProfileName } from '../../../src/kernel/app-armor/default-profile';

test('the kernel’s list of profiles', () => {
  const text =
    'lsb_release (enforce)\nnvidia_modprobe//kmod (enforce)\nwith space (complain)\n/usr/bin/man (unconfined)\n';
  expect([...parseProfiles(text)]).toEqual(['lsb_release', 'nvidia_modprobe//kmod', 'with space', '/usr/bin/man']);
});

test('the default profile is one, has its name, and needs no other file', () => {
  expect(defaultProfile.match(/^profile (\S+) /gm)).toEqual([`profile ${defaultProfileName} `]);
  expect(defaultProfile).not.toMatch(/include|@\{/);
});
