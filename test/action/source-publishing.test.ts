import { definePublishingCases } from './publishing-cases.ts'

definePublishingCases('source')
