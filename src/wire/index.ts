/**
 * CRI v1 and berth's own admin service, as generated from proto/ by `npm run gen`. Other rooms take types only; the
 * encoders are for cri and cli.
 */
export * from './gen/runtime/v1/container';
export * from './gen/runtime/v1/events';
export * from './gen/runtime/v1/image';
export * from './gen/runtime/v1/image_service';
export * from './gen/runtime/v1/metrics';
export * from './gen/runtime/v1/resources';
export * from './gen/runtime/v1/runtime';
export * from './gen/runtime/v1/runtime_service';
export * from './gen/runtime/v1/sandbox';
export * from './gen/runtime/v1/sandbox_config';
export * from './gen/runtime/v1/security';
export * from './gen/runtime/v1/stats';
export * from './gen/runtime/v1/streaming';
export * from './gen/runtime/v1/values';
export * from './gen/runtime/v1/windows_stats';
export * as admin from './gen/berth/v1/admin';
