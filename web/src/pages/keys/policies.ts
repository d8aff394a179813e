// Policies to begin with.

const allow = (Action: string[]) => ({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*' }] })

export const policies = [
  { value: 'read', label: 'Look at everything', policy: allow(['apprunner:Describe*', 'apprunner:List*', 'ecr:Describe*', 'ecr:List*', 'slipway:Get*', 'slipway:List*']) },
  {
    value: 'deploy',
    label: 'Push images and deploy',
    policy: allow(['apprunner:Describe*', 'apprunner:List*', 'apprunner:StartDeployment', 'apprunner:UpdateService', 'ecr:*', 'slipway:Get*', 'slipway:List*']),
  },
  { value: 'all', label: 'Everything but keys', policy: allow(['apprunner:*', 'ecr:*', 'secretsmanager:*', 'ssm:*', 'slipway:Get*', 'slipway:List*']) },
]

export const textOf = (policy: object): string => JSON.stringify(policy, null, 2)
