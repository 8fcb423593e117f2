/** Every provider, a line each; its code is a line of `loaders.ts`. */
export { awskms } from './awskms/descriptor.ts'
export { azurekms } from './azurekms/descriptor.ts'
export { env } from './env/descriptor.ts'
export { file } from './file/descriptor.ts'
export { gcpkms } from './gcpkms/descriptor.ts'
export { https } from './https/descriptor.ts'
export { openbao } from './openbao/descriptor.ts'
export { pkcs11 } from './pkcs11/descriptor.ts'
