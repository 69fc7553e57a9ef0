import { checkAppArmorProfile } from '../../src/containers/app-armor';
import { FakeKernel } from '../../src/kernel';
import { containerSpec } from '../../src/spec';
import { specInput } from '../spec/fixture';

const spec = (appArmor: { defaultProfile?: string } | undefined) =>
  containerSpec(specInput({ facts: { appArmor } })).spec;

test('a profile that is not loaded is refused by its name', async () => {
  const kernel = new FakeKernel();
  kernel.script('hasAppArmorProfile', async (name) => name !== 'mine');
  await expect(checkAppArmorProfile(kernel, 'c', spec({ defaultProfile: 'mine' }))).rejects.toThrow(
    /CreateContainer: container c: .*apparmor asks for the profile mine, which is not loaded.*apparmor_parser/,
  );
  await checkAppArmorProfile(kernel, 'c', spec({ defaultProfile: 'other' }));
});

test('where AppArmor is off nothing is asked', async () => {
  const kernel = new FakeKernel();
  await checkAppArmorProfile(kernel, 'c', spec(undefined));
  expect(kernel.calls).toEqual([]);
});
