// The managed runtimes, newest of each language first.
export const runtimes = [
  { value: 'PYTHON_311', label: 'Python 3.11' },
  { value: 'PYTHON_3', label: 'Python 3' },
  { value: 'NODEJS_22', label: 'Node.js 22' },
  { value: 'NODEJS_18', label: 'Node.js 18' },
  { value: 'NODEJS_16', label: 'Node.js 16' },
  { value: 'NODEJS_14', label: 'Node.js 14' },
  { value: 'NODEJS_12', label: 'Node.js 12' },
  { value: 'CORRETTO_11', label: 'Corretto 11 (Java)' },
  { value: 'CORRETTO_8', label: 'Corretto 8 (Java)' },
  { value: 'GO_1', label: 'Go 1' },
  { value: 'DOTNET_6', label: '.NET 6' },
  { value: 'PHP_81', label: 'PHP 8.1' },
  { value: 'RUBY_31', label: 'Ruby 3.1' },
]
