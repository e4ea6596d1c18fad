using IommuKit.Domains;
using IommuKit.Lab.PageTables.Bench;
using IommuKit.Lab.Traces;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.PageTables.Dump;

/// <summary>Builds a page table from a description, and reads it back.</summary>
public static class Dumper
{
    // Tables are where no address of theirs can be taken for 0, and as many as 256 MiB hold.
    private const ulong TablesStart = 0x1000_0000;
    private const ulong TablesBytes = 256 << 20;

    /// <summary>Builds a page table, and reads it.</summary>
    /// <param name="options">What to build.</param>
    /// <param name="onRead">Told how many bytes of the trace were read so far, or null.</param>
    /// <exception cref="InputException">The format cannot do what is asked, or the trace cannot be used.</exception>
    public static DumpResult Run(DumpOptions options, Action<long>? onRead = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Format.Accept(new Visitor(options, onRead));
    }

    private sealed class Visitor(DumpOptions options, Action<long>? onRead) : IFormatVisitor<DumpResult>
    {
        public DumpResult Visit<TFormat>(FormatKind kind)
            where TFormat : struct, IPageTableFormat
        {
            using var memory = new PhysicalMemory(TablesStart + TablesBytes, isCoherent: true);
            var allocator = new PageAllocator(memory.CpuView, TablesStart, TablesBytes);
            int inputBits = options.InputBits ?? kind.InputBits;
            using var table = Create<TFormat>(kind, inputBits, allocator);
            var sink = new CountingSink(allocator, TFormat.IndexBits(0) + TFormat.EntrySizeLog2);
            long skipped = options.Trace is { } trace ? Replay(table, trace, ref sink) : 0;
            foreach (var map in options.Maps)
            {
                var error = table.Map(map.Iova, map.PhysicalAddress, map.Size, map.Protection, ref sink);
                if (error != IommuError.None)
                {
                    throw new InputException($"cannot map \"{map.Text}\": {Explain(error, table.SupportedPageSizes, inputBits, kind)}");
                }
            }

            var root = PageTableDump<TFormat>.Read(kind, memory.CpuView, inputBits, table.Root, table.RootLevel, table.RootBytes);
            return new DumpResult(kind, inputBits, kind.OutputBits, table.SupportedPageSizes, root, skipped);
        }

        private static string Explain(IommuError error, ulong pageSizes, int inputBits, FormatKind kind) => error switch
        {
            IommuError.EEXIST => "part of it is mapped already",
            IommuError.EINVAL => $"it must be made of whole pages of {ByteSize.Format(pageSizes & (~pageSizes + 1))}, and allow to read or to write",
            IommuError.ENOMEM => $"it takes more than {ByteSize.Format(TablesBytes)} of tables",
            _ => $"it goes beyond IOVAs of {inputBits} bits or physical addresses of {kind.OutputBits} bits",
        };

        private PageTable<TFormat> Create<TFormat>(FormatKind kind, int inputBits, PageAllocator allocator)
            where TFormat : struct, IPageTableFormat
        {
            if (inputBits is < 1 or > 64 || !TFormat.TryGetRoot(inputBits, out int level, out _) || level < 1)
            {
                throw new InputException($"{kind.Name} has no tables for IOVAs of {inputBits} bits");
            }

            if ((options.PageSizes & ~kind.PageSizes) is var others and not 0)
            {
                throw new InputException($"{kind.Name} has pages of {ByteSize.FormatAll(kind.PageSizes)}, not of {ByteSize.FormatAll(others)}");
            }

            // What a trace has unmapped leaves no empty tables.
            try
            {
                return new PageTable<TFormat>(
                    new PageTableOptions
                    {
                        InputBits = inputBits,
                        OutputBits = kind.OutputBits,
                        PageSizes = options.PageSizes,
                        Release = TableRelease.WhenEmpty,
                    },
                    allocator);
            }
            catch (ArgumentException e)
            {
                throw new InputException($"{kind.Name} has no pages of {ByteSize.FormatAll(options.PageSizes)} for IOVAs of {inputBits} bits", e);
            }
        }

        /// <summary>Does what a trace says. Returns how many events could not be done, or not wholly.</summary>
        private long Replay<TFormat>(PageTable<TFormat> table, string path, ref CountingSink sink)
            where TFormat : struct, IPageTableFormat
        {
            long skipped = 0;
            using var reader = new TraceReader(path, onRead: onRead);
            while (reader.Read(out var traceEvent))
            {
                bool isDone = traceEvent.Kind switch
                {
                    TraceEventKind.Map => table.Map(
                        traceEvent.Iova, traceEvent.PhysicalAddress, traceEvent.Size, Protection.Read | Protection.Write, ref sink) == IommuError.None,
                    TraceEventKind.Unmap => Unmap(table, traceEvent, ref sink),
                    _ => true,
                };
                skipped += isDone ? 0 : 1;
            }

            return skipped;
        }

        /// <summary>Unmaps what is mapped of a range, over holes.</summary>
        private static bool Unmap<TFormat>(PageTable<TFormat> table, in TraceEvent unmap, ref CountingSink sink)
            where TFormat : struct, IPageTableFormat
        {
            ulong next = unmap.Iova;
            ulong unmapped = 0;
            while (unmap.Size != 0 && next <= unmap.LastIova && next >= unmap.Iova)
            {
                ulong bytes = table.Unmap(next, unmap.LastIova - next + 1, ref sink);
                sink.FreeUnlinked();
                unmapped += bytes;
                next += bytes;
                if (bytes == 0)
                {
                    // The rest of a page that stays is passed over too.
                    if (!table.TryFindNext(next, unmap.LastIova, out ulong found) || found == next)
                    {
                        break;
                    }

                    next = found;
                }
            }

            return unmapped >= unmap.Size;
        }
    }
}
