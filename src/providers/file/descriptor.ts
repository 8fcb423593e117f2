/** What is known of keys in files before their code is loaded. */
import type { ProviderDescriptor } from '../descriptor.ts'
import { publicKeyPath } from './public-key-path.ts'
import {
  FILE_TEMPLATE,
  type FileUri,
  parseFileUri,
  parseFolder,
  rebaseFileUri,
  serializeFileUri,
} from './uri.ts'

/** Keys in files. */
export const file: ProviderDescriptor<FileUri> = {
  scheme: 'file',
  isDefault: true,
  title: 'a file',
  template: FILE_TEMPLATE,
  examples: ['file:release.pem'],
  isRemote: false,
  custody: 'file',
  parse: parseFileUri,
  serialize: serializeFileUri,
  place: parseFolder,
  rebase: rebaseFileUri,
  publicHalf(uri) {
    const path = publicKeyPath(uri.path)
    return { uri: { scheme: 'file', path }, path }
  },
}
