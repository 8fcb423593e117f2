import { defineFullDiskCase, definePublishingCases } from './publishing-cases.ts'

definePublishingCases('bundle')
defineFullDiskCase()
