/* One walk over a device tree, compiled once with libfdt and once with the reader that stands in for it. */
#ifndef FIRMWARE_TEST_BLOB_WALK_H
#define FIRMWARE_TEST_BLOB_WALK_H

#include <stddef.h>

/*
 * 0 and, in text[size], everything the device-tree reader may ask of a blob: reservations, nodes, their depth, names and
 * the properties it knows. Otherwise the error of the check.
 */
int walk_with_libfdt(const void *blob, size_t bytes, char *text, size_t size);
int walk_with_blob(const void *blob, size_t bytes, char *text, size_t size);

#endif
