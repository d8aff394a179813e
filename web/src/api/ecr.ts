import type { DescribeImagesResponse, DescribeRepositoriesResponse, ImageDetail, Repository } from '@aws-sdk/client-ecr'
import { aws } from './aws'

// On the wire, times are seconds since 1970.
export interface StoredImage extends Omit<ImageDetail, 'imagePushedAt'> {
  imagePushedAt?: number
}

export interface StoredRepository extends Omit<Repository, 'createdAt'> {
  createdAt?: number
}

interface Listed {
  nextToken?: string
}

async function all<Out extends Listed, T>(operation: string, input: object, items: (out: Out) => T[]): Promise<T[]> {
  const found: T[] = []
  let nextToken: string | undefined
  do {
    const out: Out = await aws<Out>('ecr', operation, { ...input, nextToken })
    found.push(...items(out))
    nextToken = out.nextToken
  } while (nextToken)
  return found
}

export const ecr = {
  repositories: () =>
    all<Omit<DescribeRepositoriesResponse, 'repositories'> & { repositories?: StoredRepository[] }, StoredRepository>('DescribeRepositories', {}, (out) => out.repositories ?? []),
  images: (repositoryName: string) =>
    all<Omit<DescribeImagesResponse, 'imageDetails'> & { imageDetails?: StoredImage[] }, StoredImage>('DescribeImages', { repositoryName }, (out) => out.imageDetails ?? []),
  create: (repositoryName: string) => aws<object>('ecr', 'CreateRepository', { repositoryName }),
  remove: (repositoryName: string) => aws<object>('ecr', 'DeleteRepository', { repositoryName, force: true }),
  removeImages: (repositoryName: string, digests: string[]) =>
    aws<{ failures?: { failureReason?: string }[] }>('ecr', 'BatchDeleteImage', { repositoryName, imageIds: digests.map((imageDigest) => ({ imageDigest })) }),
}
