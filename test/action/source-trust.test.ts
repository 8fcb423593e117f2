import { defineTrustCases } from './trust-cases.ts'

defineTrustCases('source')
