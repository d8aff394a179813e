import type { DescribeImagesResponse, DescribeRepositoriesResponse, ImageDetail, Repository } from '@aws-sdk/client-ecr'
import { aws } from './aws'

// On the wire, times are seconds since 1970.
export interface StoredImage extends Omit<ImageDetail, 'imagePushedAt'> {
  imagePushedAt?: number
}

export interface StoredRepository extends Omit<Repository, 'createdAt'> {
  createdAt?: number
}

interface Repositories extends Omit<DescribeRepositoriesResponse, 'repositories'> {
  repositories?: StoredRepository[]
}

interface Images extends Omit<DescribeImagesResponse, 'imageDetails'> {
  imageDetails?: StoredImage[]
}

async function all<T>(read: (nextToken: string | undefined) => Promise<{ items?: T[]; next?: string }>): Promise<T[]> {
  const found: T[] = []
  let token: string | undefined
  do {
    const { items = [], next } = await read(token)
    found.push(...items)
    token = next
  } while (token)
  return found
}

export const ecr = {
  repositories: () =>
    all(async (nextToken) => {
      const out = await aws<Repositories>('ecr', 'DescribeRepositories', { nextToken })
      return { items: out.repositories, next: out.nextToken }
    }),
  images: (repositoryName: string) =>
    all(async (nextToken) => {
      const out = await aws<Images>('ecr', 'DescribeImages', { repositoryName, nextToken })
      return { items: out.imageDetails, next: out.nextToken }
    }),
  create: (repositoryName: string) => aws<object>('ecr', 'CreateRepository', { repositoryName }),
  remove: (repositoryName: string) => aws<object>('ecr', 'DeleteRepository', { repositoryName, force: true }),
  removeImages: (repositoryName: string, digests: string[]) =>
    aws<{ failures?: { failureReason?: string }[] }>('ecr', 'BatchDeleteImage', { repositoryName, imageIds: digests.map((imageDigest) => ({ imageDigest })) }),
}
