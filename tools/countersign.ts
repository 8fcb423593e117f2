// `npm run countersign`: the command line from the sources, in the folder of its caller; npm starts every
// script in the folder of its package.
process.chdir(process.env['INIT_CWD'] ?? '.')
await import('../cli/bin.ts')
