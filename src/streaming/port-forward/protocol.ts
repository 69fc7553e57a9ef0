/** The one protocol of port-forwarding that there is. */
export const portForwardProtocol = 'portforward.k8s.io';
