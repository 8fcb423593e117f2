import { defineFaultCases } from './fault-cases.ts'

defineFaultCases('bundle')
