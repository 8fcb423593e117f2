/** Modules that do not load, do not start, or do not answer. */
import { shellWord } from '../../../basics/shell-word.ts'
import {
  isModuleOf,
  MEASURED_WITH_SOFTHSM,
  pkcs11Tool,
  returned,
  site,
  SPECIFICATION,
  type TokenCause,
  type TokenFacts,
} from './cause.ts'

const UNAVAILABLE = 'ERR_MODULE_UNAVAILABLE'
const OUTAGE = 'ERR_PROVIDER_UNAVAILABLE'

const pathOf = ({ modulePath }: TokenFacts): string =>
  modulePath === undefined ? 'MODULE' : shellWord(modulePath)

const isSoftHsm = isModuleOf(/softhsm/i)
const isP11KitClient = isModuleOf(/p11-kit-client/i)

const unloadable =
  (pattern: RegExp): TokenCause['matches'] =>
  ({ cause, message }) =>
    cause === 'module-unloadable' && pattern.test(message)

/** Causes in the file of the module, in its settings and in its process. */
export const MODULE_CAUSES: readonly TokenCause[] = [
  {
    id: 'addon-missing',
    layer: 'installation',
    summary: 'PKCS#11 support is not installed: npm leaves pkcs11js out where it cannot be built',
    code: UNAVAILABLE,
    source: MEASURED_WITH_SOFTHSM,
    matches: site('addon-missing'),
    cure: () =>
      'run the npm install of countersign again once it can be built: apt-get install python3 g++ make',
  },
  {
    id: 'addon-unbuilt',
    layer: 'installation',
    summary: 'PKCS#11 support is installed and not built for this Node',
    code: UNAVAILABLE,
    source: MEASURED_WITH_SOFTHSM,
    matches: site('addon-unbuilt'),
    cure: () => 'run npm rebuild pkcs11js once it can be built: apt-get install python3 g++ make',
  },
  {
    id: 'module-unnamed',
    layer: 'key reference',
    summary: 'no module is named',
    code: 'ERR_KEY_URI_INVALID',
    source: SPECIFICATION,
    matches: site('module-unnamed'),
    cure: () =>
      'add ?module-path=/path/to/module.so to the key reference, or set COUNTERSIGN_PKCS11_MODULE',
  },
  {
    id: 'module-missing',
    layer: 'module file',
    summary: 'there is no such file',
    code: UNAVAILABLE,
    source: MEASURED_WITH_SOFTHSM,
    matches: site('module-missing'),
    cure: ({ hint }) =>
      `install the module of the token (SoftHSM: apt-get install softhsm2), or write its path with module-path${hint === undefined ? '' : `; ${hint}`}`,
  },
  {
    id: 'module-wrong-architecture',
    layer: 'module file',
    summary: 'the module is built for another kind of processor',
    code: UNAVAILABLE,
    source: MEASURED_WITH_SOFTHSM,
    matches: (failure, facts) =>
      unloadable(/wrong ELF class|incompatible architecture/)(failure, facts) ||
      (failure.cause === 'module-unloadable' && failure.isForeign),
    cure: (facts) =>
      `install the ${process.arch} build of the module, or run a Node of its kind: file ${pathOf(facts)}`,
  },
  {
    id: 'module-not-library',
    layer: 'module file',
    summary: 'the file is not a shared library',
    code: UNAVAILABLE,
    source: MEASURED_WITH_SOFTHSM,
    matches: unloadable(
      /invalid ELF header|file too short|not a mach-o file|cannot read file data/i,
    ),
    cure: (facts) =>
      `name the shared library itself, not a script or an archive: file ${pathOf(facts)}`,
  },
  {
    id: 'module-not-pkcs11',
    layer: 'module file',
    summary: 'the library is not a PKCS#11 module: it has no C_GetFunctionList',
    code: UNAVAILABLE,
    source: MEASURED_WITH_SOFTHSM,
    matches: unloadable(/C_GetFunctionList/),
    cure: (facts) =>
      `name the PKCS#11 module of the vendor: nm -D ${pathOf(facts)} | grep C_GetFunctionList`,
  },
  {
    id: 'module-unreadable',
    layer: 'module file',
    summary: 'this user may not read the module',
    code: UNAVAILABLE,
    source: MEASURED_WITH_SOFTHSM,
    matches: unloadable(/permission denied/i),
    cure: (facts) =>
      `let this user read the module and enter its folders: namei -l ${pathOf(facts)}`,
  },
  {
    id: 'module-dependency-missing',
    layer: 'module file',
    summary: 'a library that the module needs is missing, or of another version',
    code: UNAVAILABLE,
    source: MEASURED_WITH_SOFTHSM,
    matches: unloadable(
      /cannot open shared object file: No such file|undefined symbol|version `[^']*' not found/,
    ),
    cure: (facts) =>
      `install what is "not found", or add its folder to LD_LIBRARY_PATH: ldd ${pathOf(facts)}`,
  },
  {
    id: 'module-unloadable',
    layer: 'module file',
    summary: 'the module does not load',
    code: UNAVAILABLE,
    source: MEASURED_WITH_SOFTHSM,
    matches: site('module-unloadable'),
    cure: (facts) =>
      `it must be a PKCS#11 module built for this machine, readable by this user: ldd ${pathOf(facts)}`,
  },
  {
    id: 'softhsm-configuration',
    layer: 'module configuration',
    summary:
      'SoftHSM does not start: its configuration or its folder of tokens is missing or not readable',
    code: OUTAGE,
    source: MEASURED_WITH_SOFTHSM,
    matches: (failure, facts) => failure.cause === 'initialize-failed' && isSoftHsm(failure, facts),
    cure: () =>
      'let SOFTHSM2_CONF name a file that this user can read, whose directories.tokendir exists and belongs to this user: softhsm2-util --show-slots',
  },
  {
    id: 'initialize-failed',
    layer: 'module configuration',
    summary: 'the module loads, and does not start (C_Initialize)',
    code: OUTAGE,
    source: SPECIFICATION,
    matches: site('initialize-failed'),
    cure: (facts) =>
      `check the configuration file and the variables of the module, and that its service runs: ${pkcs11Tool('pkcs11-tool -I', { modulePath: facts.modulePath })}`,
  },
  {
    id: 'module-crashed',
    layer: 'module',
    summary: 'the module crashed, in a process of its own, which is started again',
    code: OUTAGE,
    source: MEASURED_WITH_SOFTHSM,
    matches: site('module-crashed'),
    cure: (facts) =>
      `if it crashes again, check its version and settings with another tool: ${pkcs11Tool('pkcs11-tool -O', facts)}`,
  },
  {
    id: 'module-stalled',
    layer: 'module',
    summary: 'the module did not answer in time; its process was ended and is started again',
    code: OUTAGE,
    source: MEASURED_WITH_SOFTHSM,
    matches: site('module-stalled'),
    cure: (facts) =>
      `check that the token and its service answer: ${pkcs11Tool('pkcs11-tool -T', { modulePath: facts.modulePath })}`,
  },
  {
    id: 'locking-broken',
    layer: 'module',
    summary: 'the module cannot be used by several threads at a time',
    code: OUTAGE,
    source: SPECIFICATION,
    matches: returned(0x0a, 0x1a0, 0x1a1),
    cure: () => 'use a version of the module that supports CKF_OS_LOCKING_OK',
  },
  {
    id: 'host-memory',
    layer: 'machine',
    summary: 'this machine has no memory left for the module',
    code: OUTAGE,
    source: SPECIFICATION,
    matches: returned(0x02),
    cure: () => 'give the process more memory: ulimit -v; cat /sys/fs/cgroup/memory.max',
  },
  {
    id: 'p11-kit-server-down',
    layer: 'p11-kit server',
    summary: 'the p11-kit server that has the token does not run, or is not reached',
    code: OUTAGE,
    source: MEASURED_WITH_SOFTHSM,
    matches: (failure, facts) =>
      (failure.cause === 'token-none' || returned(0x05, 0x30, 0x32, 0xe0)(failure, facts)) &&
      isP11KitClient(failure, facts),
    cure: () =>
      'start it where the token is, and let P11_KIT_SERVER_ADDRESS name its socket: p11-kit server pkcs11:token=TOKEN',
  },
]
