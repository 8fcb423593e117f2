import { defineVerifyingCases } from './verifying-cases.ts'

defineVerifyingCases('source')
