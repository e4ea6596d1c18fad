using IommuKit.Lab.Formats;
using IommuKit.Lab.Replay;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;
using IommuKit.Traces.Files;

namespace IommuKit.Lab.Dump;

/// <summary>Builds a page table from a description, and reads it back.</summary>
internal static class Dumper
{
    // Tables are where no address of theirs can be taken for 0, and as many as 256 MiB hold.
    private const ulong TablesStart = 0x1000_0000;
    private const ulong TablesBytes = 256 << 20;
    private const int LeastOutputBits = 29;

    /// <summary>Builds a page table, and reads it.</summary>
    /// <param name="options">What to build.</param>
    /// <param name="onStep">Told what is done next, or null.</param>
    /// <param name="onRead">Told how many bytes of the trace were read so far, or null.</param>
    /// <exception cref="InputException">The format cannot do what is asked, or the trace cannot be used.</exception>
    public static DumpResult Run(DumpOptions options, Action<string>? onStep = null, Action<long>? onRead = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Format.Accept(new Visitor(options, onStep, onRead));
    }

    private sealed class Visitor(DumpOptions options, Action<string>? onStep, Action<long>? onRead) : IFormatVisitor<DumpResult>
    {
        private readonly int _inputBits = options.InputBits ?? options.Format.InputBits;
        private readonly int _outputBits = options.OutputBits ?? options.Format.OutputBits;

        public DumpResult Visit<TFormat>(FormatKind kind)
            where TFormat : struct, IPageTableFormat
        {
            // A trace of which nothing could be mapped has no peak.
            var whole = options is { IsPeak: true, Trace: { } trace } ? ReplayWhole<TFormat>(trace) : null;
            long lastLine = whole is { PeakLine: not 0 } ? whole.PeakLine : long.MaxValue;
            using var memory = new PhysicalMemory(TablesStart + TablesBytes, isCoherent: true);
            var allocator = new PageAllocator(memory.CpuView, TablesStart, TablesBytes);
            using var table = Create<TFormat>(allocator);
            var sink = new CountingSink(allocator, TFormat.IndexBits(0) + TFormat.EntrySizeLog2);
            var done = options.Trace is { } file ? Replay(table, file, lastLine, ref sink) : null;
            done = whole is null || done is null ? done : whole with { Skipped = done.Skipped };
            foreach (var map in options.Maps)
            {
                onStep?.Invoke($"mapping {map.Text}");
                var error = table.Map(map.Iova, map.PhysicalAddress, map.Size, map.Protection, ref sink);
                if (error != IommuError.None)
                {
                    throw new InputException($"cannot map \"{map.Text}\": {Explain(error, map, table)}");
                }
            }

            onStep?.Invoke("reading the tables");
            var root = PageTableDump<TFormat>.Read(kind, memory.CpuView, _inputBits, table.Root, table.RootLevel, table.RootBytes);
            return new DumpResult(kind, _inputBits, _outputBits, table.SupportedPageSizes, root, done)
            {
                Walk = options.Walk is { } iova ? Walk(kind, memory, table, iova) : null,
            };
        }

        private DumpWalk Walk<TFormat>(FormatKind kind, PhysicalMemory memory, PageTable<TFormat> table, ulong iova)
            where TFormat : struct, IPageTableFormat
        {
            if (!IsInside(table, iova, iova))
            {
                throw new InputException($"--walk: 0x{iova:x} {BeyondIovas(table)}");
            }

            var reader = new PageTableReader<TFormat, DeviceMemory>(memory.DeviceView, table.Root, _inputBits, _outputBits);
            return DumpWalk.Of(kind, reader, _outputBits, iova);
        }

        private string Explain<TFormat>(IommuError error, DumpMap map, PageTable<TFormat> table)
            where TFormat : struct, IPageTableFormat
        {
            ulong page = SmallestPage(table);
            string multiple = $"is not a multiple of the smallest page, {ByteSize.Format(page)}";
            switch (error)
            {
                case IommuError.EEXIST:
                    return "part of it is mapped already";
                case IommuError.ENOMEM:
                    return $"it takes more than {ByteSize.Format(TablesBytes)} of tables";
                case IommuError.EINVAL when map.Iova % page != 0:
                    return $"the IOVA, 0x{map.Iova:x}, {multiple}";
                case IommuError.EINVAL when map.PhysicalAddress % page != 0:
                    return $"the physical address, 0x{map.PhysicalAddress:x}, {multiple}";
                case IommuError.EINVAL when map.Size % page != 0:
                    return $"the size, {ByteSize.Format(map.Size)}, {multiple}";
                case IommuError.EINVAL:
                    return "it gives no right to read or to write";
                default:
                    return IsInside(table, map.Iova, map.Iova + (map.Size - 1))
                        ? $"it goes beyond physical addresses of {_outputBits} bits"
                        : $"it {BeyondIovas(table)}";
            }
        }

        private string BeyondIovas<TFormat>(PageTable<TFormat> table)
            where TFormat : struct, IPageTableFormat => $"goes beyond IOVAs of {_inputBits} bits"
                + (IsSigned(table) ? $", sign-extended: up to 0x{table.LastIova:x}, or from 0x{~table.LastIova:x}" : string.Empty);

        private PageTable<TFormat> Create<TFormat>(PageAllocator allocator)
            where TFormat : struct, IPageTableFormat
        {
            string name = options.Format.Name;
            if (_inputBits is < 1 or > 64 || !TFormat.TryGetRoot(_inputBits, out int level, out _) || level < 1)
            {
                throw new InputException($"{name} has no tables for IOVAs of {_inputBits} bits");
            }

            if (_outputBits < LeastOutputBits || _outputBits > TFormat.MaxOutputBits)
            {
                throw new InputException(
                    $"{name} has physical addresses of {LeastOutputBits} to {TFormat.MaxOutputBits} bits here, not of {_outputBits}");
            }

            ulong pageSizes = TFormat.PageSizes & TFormat.PageSizeMask(_outputBits);
            if ((options.PageSizes & ~pageSizes) is var others and not 0)
            {
                throw new InputException($"{name} has pages of {ByteSize.FormatAll(pageSizes)}, not of {ByteSize.FormatAll(others)}");
            }

            // What a trace has unmapped leaves no empty tables. Of a large page of which a part is unmapped the rest stays, as smaller pages: kernels
            // unmap what they have mapped, in whatever pieces.
            try
            {
                return new PageTable<TFormat>(
                    new PageTableOptions
                    {
                        InputBits = _inputBits,
                        OutputBits = _outputBits,
                        PageSizes = options.PageSizes,
                        Release = TableRelease.WhenEmpty,
                        SplitsPages = true,
                    },
                    allocator);
            }
            catch (ArgumentException e)
            {
                throw new InputException($"{name} has no pages of {ByteSize.FormatAll(options.PageSizes)} for IOVAs of {_inputBits} bits", e);
            }
        }

        /// <summary>Does all that a trace says in a page table of its own, to find out when most is mapped.</summary>
        private DumpTrace ReplayWhole<TFormat>(string path)
            where TFormat : struct, IPageTableFormat
        {
            using var memory = new PhysicalMemory(TablesStart + TablesBytes, isCoherent: true);
            var allocator = new PageAllocator(memory.CpuView, TablesStart, TablesBytes);
            using var table = Create<TFormat>(allocator);
            var sink = new CountingSink(allocator, TFormat.IndexBits(0) + TFormat.EntrySizeLog2);
            return Replay(table, path, long.MaxValue, ref sink);
        }

        /// <summary>Does what a trace says.</summary>
        private DumpTrace Replay<TFormat>(PageTable<TFormat> table, string path, long lastLine, ref CountingSink sink)
            where TFormat : struct, IPageTableFormat
        {
            onStep?.Invoke(Path.GetFileName(path));
            var skips = new SkipCounter();
            ulong live = 0;
            ulong peak = 0;
            long peakLine = 0;
            using var reader = TraceFile.Open(path, options.IsLenient, onRead);
            while (reader.Line < lastLine && reader.Read(out var traceEvent))
            {
                SkipReason? skipped = null;
                switch (traceEvent.Kind)
                {
                    case TraceEventKind.Map:
                        skipped = Map(table, traceEvent, ref sink);
                        live += skipped is null ? traceEvent.Size : 0;
                        break;
                    case TraceEventKind.Unmap:
                        skipped = Unmap(table, traceEvent, ref sink, out ulong unmapped);
                        live -= unmapped;
                        break;
                    case TraceEventKind.VtdMapping:
                        skipped = SkipReason.VtdMapping;
                        break;
                    case TraceEventKind.Damaged:
                        skipped = SkipReason.Damaged;
                        break;
                }

                if (skipped is { } reason)
                {
                    skips.Add(reason, traceEvent.Line);
                }

                if (live > peak)
                {
                    peak = live;
                    peakLine = traceEvent.Line;
                }
            }

            return new DumpTrace(skips.Skipped, live, peak, peakLine, options.IsPeak, reader.Problem);
        }

        private SkipReason? Map<TFormat>(PageTable<TFormat> table, in TraceEvent map, ref CountingSink sink)
            where TFormat : struct, IPageTableFormat =>
            table.Map(map.Iova, map.PhysicalAddress, map.Size, Protection.Read | Protection.Write, ref sink) switch
            {
                IommuError.None => null,
                IommuError.EEXIST => SkipReason.OverLiveMapping,
                IommuError.ENOMEM => SkipReason.NoTableMemory,
                IommuError.EINVAL => SkipReason.Misaligned,
                _ => IsInside(table, map.Iova, map.LastIova) ? SkipReason.BeyondPhysicalWidth : SkipReason.BeyondAperture,
            };

        /// <summary>Unmaps what is mapped of a range, over holes.</summary>
        private SkipReason? Unmap<TFormat>(PageTable<TFormat> table, in TraceEvent unmap, ref CountingSink sink, out ulong unmapped)
            where TFormat : struct, IPageTableFormat
        {
            ulong next = unmap.Iova;
            unmapped = 0;
            if ((unmap.Iova | unmap.Size) % SmallestPage(table) != 0)
            {
                return SkipReason.Misaligned;
            }

            while (unmap.Size != 0 && next <= unmap.LastIova && next >= unmap.Iova)
            {
                var error = table.TryUnmap(next, unmap.LastIova - next + 1, ref sink, out ulong bytes);
                sink.FreeUnlinked();
                if (error == IommuError.ENOMEM)
                {
                    // There is no table for the rest of a page.
                    return SkipReason.NoTableMemory;
                }

                unmapped += bytes;
                next += bytes;
                if (error != IommuError.None || (bytes == 0 && !table.TryFindNext(next, unmap.LastIova, out next)))
                {
                    break;
                }
            }

            return unmapped >= unmap.Size ? null
                : IsInside(table, unmap.Iova, unmap.LastIova) ? SkipReason.NotMapped
                : SkipReason.BeyondAperture;
        }

        private static ulong SmallestPage<TFormat>(PageTable<TFormat> table)
            where TFormat : struct, IPageTableFormat => table.SupportedPageSizes & (~table.SupportedPageSizes + 1);

        private bool IsSigned<TFormat>(PageTable<TFormat> table)
            where TFormat : struct, IPageTableFormat => TFormat.SignExtendsInput && table.LastIova >> (_inputBits - 1) == 0;

        /// <summary>Whether the page table can translate a range.</summary>
        private bool IsInside<TFormat>(PageTable<TFormat> table, ulong iova, ulong last)
            where TFormat : struct, IPageTableFormat =>
            last >= iova && (last <= table.LastIova || (IsSigned(table) && iova >= ~table.LastIova));
    }
}
