import { defineKmsCases } from './kms-cases.ts'

defineKmsCases('source')
