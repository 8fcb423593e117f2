import { defineServiceCases } from './service-cases.ts'

defineServiceCases('bundle')
