#!/usr/bin/env python3
"""
The engine as two files, quire.h and quire.c, for programs that would rather carry it than link it.
usage: amalgamate.py DIRECTORY

quire.h is all of include/quire; quire.c is src and firmware, with the bounded device-tree reader in place of libfdt. In one
file, what was private to a source file is not any more: a static name that stands in two files gets the name of its file in
front, and a source file's macros end with it. Nothing else is changed.
"""
import os
import re
import sys

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(<[^>]+>|"[^"]+")[^\n]*\n', re.M)
TOKEN = re.compile(r'''
	(?P<comment>/\*.*?\*/|//[^\n]*) | (?P<string>"(?:\\.|[^"\\])*") | (?P<char>'(?:\\.|[^'\\])*')
	| (?P<word>[A-Za-z_]\w*) | (?P<number>\d[\w.]*) | (?P<member>->|\.(?=\s*[A-Za-z_])) | (?P<other>.)
''', re.X | re.S)
DIRECTIVE = re.compile(r'^[ \t]*#(?:[^\n\\]|\\\n|\\.)*', re.M)
SYSTEM = ('<stdarg.h>', '<stdbool.h>', '<stddef.h>', '<stdint.h>')
SEARCH = ('include', 'src', '.', 'firmware/blob')


def read(path):
	with open(path, encoding='utf-8') as file:
		return file.read()


def files_below(ending, *folders):
	found = []
	for folder in folders:
		for where, _, names in os.walk(folder):
			found += [os.path.normpath(os.path.join(where, name)) for name in names if name.endswith(ending)]
	return sorted(found)


def resolve(name, here):
	"""The file that #include means, or None for the compiler's own."""
	if name in SYSTEM:
		return None
	folders = SEARCH if name[0] == '<' else (os.path.dirname(here),) + SEARCH
	for folder in folders:
		path = os.path.normpath(os.path.join(folder, name[1:-1]))
		if os.path.isfile(path):
			return path
	sys.exit(f'amalgamate: {here} includes {name}, which is not part of the engine')


def expand(path, seen):
	"""A file with its includes in place, each header once; the compiler's own stand at the top of quire.h."""
	def include(match):
		target = resolve(match.group(1), path)
		if target is None or target in seen:
			return ''
		seen.add(target)
		return heading(target) + expand(target, seen).strip('\n') + '\n'
	return INCLUDE.sub(include, read(path))


def heading(path):
	return f'/* {"=" * 8} {path} {"=" * (108 - len(path))} */\n\n'


def title(sentence):
	"""Files that travel alone carry their licence."""
	lines = [sentence, ''] + read('LICENSE').rstrip('\n').split('\n')
	return '/*\n' + ''.join(f' * {line}'.rstrip() + '\n' for line in lines) + ' */\n'


def code(text):
	"""Without comments, strings and directives."""
	keep = (m.group() if m.lastgroup not in ('comment', 'string', 'char') else ' ' for m in TOKEN.finditer(text))
	return DIRECTIVE.sub('', ''.join(keep))


def top_level(text):
	"""Declarations and definitions of a file, what is in braces left out."""
	depth, chunk, chunks = 0, [], []
	for character in text:
		depth += (character == '{') - (character == '}')
		if depth == 0 and character in ';}':
			chunk.append(character)
			if character == ';' or not re.search(r'=|\b(struct|union|enum)\b[^()]*$', ''.join(chunk)):
				chunks.append(''.join(chunk).strip())
				chunk = []
		elif depth == 0 or (depth == 1 and character == '{'):
			chunk.append(character)
	return chunks


def private_names(text):
	"""(names whose scope is the file, those of them that are objects)"""
	plain = code(text)
	names, objects = set(re.findall(r'\b(?:struct|union|enum)\s+(\w+)\s*\{', plain)), set()
	for body in re.findall(r'\benum\b[^{};()]*\{([^}]*)\}', plain):
		names.update(re.findall(r'(?:^|,)\s*(\w+)', body))
	for chunk in top_level(plain):
		if not chunk.startswith('static'):
			continue
		chunk = re.sub(r'__attribute__\s*\(\(.*?\)\)', '', chunk)
		function = re.match(r'[^=(]*?(\w+)\s*\(', chunk)
		if function and function.group(1) != 'static':
			names.add(function.group(1))
		else:
			objects.update(re.findall(r'(\w+)\s*(?:\[[^=]*\])*\s*(?:=|;)', chunk)[:1])
	return names | objects, objects


def words(text):
	return {m.group() for m in TOKEN.finditer(text) if m.lastgroup == 'word'}


def rename(text, names, prefix):
	out, after_member = [], False
	for match in TOKEN.finditer(text):
		token = match.group()
		if match.lastgroup == 'word' and token in names and not after_member:
			token = prefix + token
		if match.lastgroup != 'other' or not token.isspace():
			after_member = match.lastgroup == 'member'
		out.append(token)
	return ''.join(out)


def ends_with_file(text):
	names = re.findall(r'^[ \t]*#[ \t]*define[ \t]+(\w+)', text, re.M)
	return ''.join(f'#undef {name}\n' for name in dict.fromkeys(names))


def public_header():
	seen, parts = set(), []
	for path in ['include/quire/quire.h'] + sorted(f'include/quire/{name}' for name in os.listdir('include/quire')):
		if path not in seen:
			seen.add(path)
			parts.append(heading(path) + expand(path, seen).strip('\n') + '\n')
	system = ''.join(f'#include {name}\n' for name in SYSTEM)
	guard = '#ifndef QUIRE_AMALGAMATION_H\n#define QUIRE_AMALGAMATION_H\n\n'
	return (title('Quire as two files, this header and quire.c: made from include/quire, src and firmware.') +
		guard + system + '\n' + '\n'.join(parts) + '\n#endif\n', seen)


def clashes(path, private, used, shared):
	"""Names of a file that mean something else in another one, or in a header."""
	names, objects = private[path]
	others = [other for other in private if other != path]
	return {name for name in names if name in shared or any(name in private[other][0] for other in others) or
		(name in objects and any(name in used[other] for other in others))}


def engine(seen):
	texts = {path: read(path) for path in files_below('.c', 'src', 'firmware')}
	private = {path: private_names(text) for path, text in texts.items()}
	used = {path: words(text) for path, text in texts.items()}
	shared = set().union(*(private_names(read(path))[0] for path in files_below('.h', 'src', 'firmware', 'include')))
	parts = []
	for path, text in texts.items():
		headers = ''
		for match in INCLUDE.finditer(text):
			wanted = resolve(match.group(1), path)
			if wanted and wanted not in seen:
				seen.add(wanted)
				headers += heading(wanted) + expand(wanted, seen).strip('\n') + '\n\n'
		prefix = re.sub(r'\W', '_', os.path.splitext(path)[0].removeprefix('src/')) + '_'
		body = rename(INCLUDE.sub('', text), clashes(path, private, used, shared), prefix)
		parts.append(headers + heading(path) + body.strip('\n') + '\n' + ends_with_file(body))
	return title('Quire, all of it; quire.h is its manual.') + '#include "quire.h"\n\n' + '\n'.join(parts)


def main():
	if len(sys.argv) != 2 or sys.argv[1].startswith('-'):
		sys.exit('usage: amalgamate.py DIRECTORY')
	target = os.path.abspath(sys.argv[1])
	os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
	header, seen = public_header()
	os.makedirs(target, exist_ok=True)
	for name, text in (('quire.h', header), ('quire.c', engine(seen))):
		with open(os.path.join(target, name), 'w', encoding='utf-8') as out:
			out.write(text)


main()
