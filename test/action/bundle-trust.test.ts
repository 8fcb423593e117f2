import { defineTrustCases } from './trust-cases.ts'

defineTrustCases('bundle')
