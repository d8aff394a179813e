import AttributeEditor from '@cloudscape-design/components/attribute-editor'
import Input from '@cloudscape-design/components/input'
import { Fold } from '../components/Fold'
import type { Section, Tag } from '../wizard/draft'

export function Tags({ draft, errors, change }: Section) {
  const { tags } = draft
  const set = (index: number, patch: Partial<Tag>) => change({ tags: tags.map((tag, i) => (i === index ? { ...tag, ...patch } : tag)) })
  return (
    <Fold
     
      title="Tags"
      description={tags.length === 0 ? 'None' : `${tags.length} ${tags.length === 1 ? 'tag' : 'tags'}`}
      open={tags.some((_, i) => errors[`tags.${i}.key`] !== undefined)}
    >
      <AttributeEditor
        items={tags}
        addButtonText="Add tag"
        removeButtonText="Remove"
        removeButtonAriaLabel={(tag) => `Remove ${tag.key || 'the tag'}`}
        empty="Tags group services, and policies of access keys can speak of them."
        onAddButtonClick={() => change({ tags: [...tags, { key: '', value: '' }] })}
        onRemoveButtonClick={({ detail }) => change({ tags: tags.filter((_, i) => i !== detail.itemIndex) })}
        definition={[
          {
            label: 'Key',
            errorText: (_, i) => errors[`tags.${i}.key`],
            control: ({ key }, i) => <Input ariaLabel="Key" value={key} autoComplete={false} onChange={({ detail }) => set(i, { key: detail.value })} />,
          },
          {
            label: 'Value',
            control: ({ value }, i) => <Input ariaLabel="Value" value={value} autoComplete={false} onChange={({ detail }) => set(i, { value: detail.value })} />,
          },
        ]}
      />
    </Fold>
  )
}
