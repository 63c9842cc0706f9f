/* SPDX-License-Identifier: Apache-2.0 */
/* ring_bench: the event ring alone, one writer and some readers, each a process. */
#pragma once

/* Prints `ring-READERS NANOSECONDS` per record (each record goes to every reader). Exit status. */
int ring_bench(int n_readers);
