/** The enum values of CRI v1 that the spec depends on: this room takes only types from wire (a test compares both). */
export const namespaceMode = { pod: 0, container: 1, node: 2, target: 3 } as const;
export const propagation = { private: 0, hostToContainer: 1, bidirectional: 2 } as const;
export const profileType = { runtimeDefault: 0, unconfined: 1, localhost: 2 } as const;
export const protocol = { tcp: 0, udp: 1, sctp: 2 } as const;
export const groupsPolicy = { merge: 0, strict: 1 } as const;
