/** What is signed to see whether a key signs: no token, statement or note reads like this. */
export const PROBE: Uint8Array = Buffer.from('countersign probe: a signature that says nothing')
