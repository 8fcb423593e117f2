import { defineServiceCases } from './service-cases.ts'

defineServiceCases('source')
