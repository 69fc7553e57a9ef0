import * as cri from '../../src/spec/cri';
import {
  MountPropagation,
  NamespaceMode,
  Protocol,
  SecurityProfile_ProfileType,
  SupplementalGroupsPolicy,
} from '../../src/wire';

test('the numbers of this room are those of CRI', () => {
  expect(cri.namespaceMode).toEqual({
    pod: NamespaceMode.POD,
    container: NamespaceMode.CONTAINER,
    node: NamespaceMode.NODE,
    target: NamespaceMode.TARGET,
  });
  expect(cri.propagation).toEqual({
    private: MountPropagation.PROPAGATION_PRIVATE,
    hostToContainer: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
    bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
  });
  expect(cri.profileType).toEqual({
    runtimeDefault: SecurityProfile_ProfileType.RuntimeDefault,
    unconfined: SecurityProfile_ProfileType.Unconfined,
    localhost: SecurityProfile_ProfileType.Localhost,
  });
  expect(cri.protocol).toEqual({ tcp: Protocol.TCP, udp: Protocol.UDP, sctp: Protocol.SCTP });
  expect(cri.groupsPolicy).toEqual({ merge: SupplementalGroupsPolicy.Merge, strict: SupplementalGroupsPolicy.Strict });
});
