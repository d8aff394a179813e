import { region } from '../api/session'

// Any name is a Region of Slipway; these are those in which App Runner is.
const known = [
  'us-east-1', 'us-east-2', 'us-west-2', 'ap-northeast-1', 'ap-south-1', 'ap-southeast-1', 'ap-southeast-2',
  'eu-central-1', 'eu-west-1', 'eu-west-2', 'eu-west-3',
]

// regions are the Regions to choose from, the Slipway's own first.
export function regions(own: string): string[] {
  return [...new Set([own, region(), ...known])]
}
