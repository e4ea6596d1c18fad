using System.Runtime.InteropServices;
using IommuKit.Lab.Formats;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Lab.Dump;

/// <summary>Prints page tables that somebody else wrote, from memory in files: what they map, and what in them is illegal.</summary>
internal static class ForeignDump
{
    // Tables can point to one another, so that there are more ways through them than memory has bytes.
    private const long MaxTables = 1 << 18;
    private const long MaxItems = 4 << 20;
    private const int MaxProblems = 1000;

    /// <summary>Reads page tables.</summary>
    /// <param name="format">Their format.</param>
    /// <param name="memory">Files: raw memory, "FILE@ADDRESS" where it does not begin at 0, and ELF cores.</param>
    /// <param name="root">Physical address of the root.</param>
    /// <param name="inputBits">Bits of an IOVA; null for the format's usual width.</param>
    /// <param name="outputBits">Bits of a physical address; null for the format's usual width.</param>
    /// <param name="walk">An IOVA whose walk is looked at, or null.</param>
    /// <exception cref="InputException">A file cannot be used, the format has no such tables, or the root is not in the files.</exception>
    public static ForeignDumpResult Run(
        FormatKind format, IReadOnlyList<string> memory, ulong root, int? inputBits, int? outputBits, ulong? walk = null) =>
        Run(format, memory, root, inputBits, outputBits, walk, new Limits(MaxTables, MaxItems));

    /// <summary>The name of the file in a description of memory.</summary>
    /// <param name="memory">"FILE" or "FILE@ADDRESS".</param>
    /// <exception cref="InputException">What stands behind the @ is no address of a page.</exception>
    public static string FileOf(string memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return DumpedMemory.Split(memory).Path;
    }

    internal static ForeignDumpResult Run(
        FormatKind format, IReadOnlyList<string> memory, ulong root, int? inputBits, int? outputBits, ulong? walk, Limits limits)
    {
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(memory);
        using var dumped = new DumpedMemory(memory);
        string nowhere = $"0x{root:x} is in none of the files, which have {ByteSize.Format(dumped.Length)} of memory";
        return format.Accept(
            new Visitor(dumped, root, inputBits ?? format.InputBits, outputBits ?? format.OutputBits, walk, limits, nowhere, "--root: "));
    }

    /// <summary>Reads page tables from any memory.</summary>
    /// <exception cref="InputException">The format has no such tables, or the root cannot be read.</exception>
    internal static ForeignDumpResult Read(FormatKind format, IMemoryAccessor memory, ulong root, int inputBits, int outputBits, Limits limits) =>
        format.Accept(new Visitor(memory, root, inputBits, outputBits, walked: null, limits, $"there is no memory at 0x{root:x}", string.Empty));

    /// <summary>How much is read at most.</summary>
    /// <param name="Tables">Tables, each as often as a way leads to it.</param>
    /// <param name="Ranges">Ranges that are mapped.</param>
    internal readonly record struct Limits(long Tables, long Ranges);

    private readonly struct Access(IMemoryAccessor memory) : IMemoryAccessor
    {
        public bool TryRead(ulong physicalAddress, Span<byte> destination) => memory.TryRead(physicalAddress, destination);

        public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => false;
    }

    private sealed class Visitor(
        IMemoryAccessor memory, ulong root, int inputBits, int outputBits, ulong? walked, Limits limits, string nowhere, string option)
        : IFormatVisitor<ForeignDumpResult>
    {
        public ForeignDumpResult Visit<TFormat>(FormatKind kind)
            where TFormat : struct, IPageTableFormat
        {
            PageTableReader<TFormat, Access> reader;
            try
            {
                reader = new PageTableReader<TFormat, Access>(new Access(memory), root, inputBits, outputBits);
            }
            catch (ArgumentOutOfRangeException e) when (e.ParamName == "root")
            {
                throw new InputException($"{option}{ArgumentText.Of(e)}", e);
            }
            catch (ArgumentOutOfRangeException e)
            {
                throw new InputException($"{kind.Name} has no tables for IOVAs of {inputBits} and physical addresses of {outputBits} bits", e);
            }

            if (reader.Step(reader.Root, 0).End == WalkEnd.NotReadable)
            {
                throw new InputException($"{option}{nowhere}");
            }

            var tables = new Walker<TFormat>(kind, reader, inputBits, limits);
            var top = tables.Read(reader.Root, iova: 0, pointer: 0);
            ulong sizes = TFormat.PageSizes & TFormat.PageSizeMask(outputBits);
            var dump = new DumpResult(kind, inputBits, outputBits, sizes, top, null)
            {
                Walk = walked is { } iova ? DumpWalk.Of(kind, reader, outputBits, iova) : null,
            };
            return new ForeignDumpResult(dump, tables.Problems, tables.ProblemCount, tables.IsCut);
        }
    }

    private sealed class Walker<TFormat>(FormatKind kind, PageTableReader<TFormat, Access> reader, int inputBits, Limits limits)
        where TFormat : struct, IPageTableFormat
    {
        private const int LineLog2 = 6;

        // The bits that an IOVA of the high half has set.
        private readonly ulong _highBits = reader.IsSigned ? ulong.MaxValue << (inputBits - 1) : 0;
        private readonly List<DumpProblem> _problems = [];
        private readonly Dictionary<(int Level, int PageLog2, ulong Attributes), string?> _flags = [];
        private long _tables;
        private long _items;

        public IReadOnlyList<DumpProblem> Problems => _problems;

        public long ProblemCount { get; private set; }

        public bool IsCut { get; private set; }

        public DumpTable Read(WalkTable table, ulong iova, ulong pointer)
        {
            _tables++;
            int shift = TFormat.EntryShift(table.Level);
            int entries = 1 << Math.Min(reader.IndexBits(table), 62 - TFormat.EntrySizeLog2);
            var items = new List<DumpItem>();
            int used = 0;
            int lines = 0;
            int lastLine = -1;
            var run = default(Run);
            for (int index = 0; index < entries && !IsCut; index++)
            {
                ulong place = iova + ((ulong)(uint)index << shift);
                ulong start = Extend(place);
                if (!reader.Contains(start))
                {
                    // The root has entries for more than software uses.
                    continue;
                }

                var step = reader.Step(table, start);
                if (step.Value == 0 || step.End == WalkEnd.NotPresent)
                {
                    continue;
                }

                used++;
                int line = index << TFormat.EntrySizeLog2 >> LineLog2;
                lines += line != lastLine ? 1 : 0;
                lastLine = line;
                if (step.End == WalkEnd.Page)
                {
                    var leaf = Leaf(step, start, shift);
                    if (!run.TryJoin(leaf))
                    {
                        Add(items, run);
                        run = leaf;
                    }

                    continue;
                }

                Add(items, run);
                run = default;
                if (step.End != WalkEnd.Table)
                {
                    Note(step, start);
                }
                else if (reader.Step(step.Next, start).End == WalkEnd.NotReadable)
                {
                    Note(step with { End = WalkEnd.NotReadable }, start);
                }
                else if (_tables >= limits.Tables)
                {
                    IsCut = true;
                }
                else
                {
                    items.Add(Read(step.Next, place, step.Value));
                }
            }

            Add(items, run);
            ulong first = Extend(iova);
            ulong last = first + (((ulong)(uint)entries << shift) - 1);
            return new DumpTable(table.Level + 1, first, last, pointer, table.Address, entries, used, lines, items);
        }

        private void Add(List<DumpItem> items, Run run)
        {
            if (run.IsThere)
            {
                items.Add(new DumpRange(run.Level, run.Iova, run.LastIova, run.Value, run.PhysicalAddress, run.PageLog2, run.Rights, FlagsOf(run)));
                IsCut |= ++_items >= limits.Ranges;
            }
        }

        // Nearly all leaves have the same few.
        private string FlagsOf(in Run run)
        {
            ref string? flags = ref CollectionsMarshal.GetValueRefOrAddDefault(_flags, (run.Level, run.PageLog2, run.Attributes), out _);
            return flags ??= kind.DescribeLeaf(run.Value, run.Level);
        }

        private void Note(in WalkStep step, ulong iova)
        {
            ProblemCount++;
            if (_problems.Count < MaxProblems)
            {
                _problems.Add(new DumpProblem(iova, step.Table.Level, step.EntryAddress, step.Value, step.End));
            }
        }

        private static Run Leaf(in WalkStep step, ulong iova, int shift)
        {
            int level = step.Table.Level;
            int sizeLog2 = TFormat.LeafSizeLog2(step.Value, level);
            return new Run
            {
                IsThere = true,
                Level = level,
                PageLog2 = Math.Max(shift, sizeLog2),
                Iova = iova,
                LastIova = iova + ((1ul << shift) - 1),
                PhysicalAddress = step.PhysicalAddress,
                Value = step.Value,
                Attributes = step.Value ^ TFormat.LeafEntry(TFormat.LeafAddress(step.Value, level), 0, level, sizeLog2),
                Rights = step.Rights,
            };
        }

        /// <summary>The IOVA as software writes it, where the format has a high half.</summary>
        private ulong Extend(ulong iova) => (iova & _highBits) != 0 ? iova | _highBits : iova;

        /// <summary>Leaves that go on from one another. There can be millions, so they are joined before anything is made of them.</summary>
        private struct Run
        {
            public bool IsThere;
            public int Level;
            public int PageLog2;
            public ulong Iova;
            public ulong LastIova;
            public ulong PhysicalAddress;
            public ulong Value;
            public ulong Attributes;
            public Protection Rights;

            /// <summary>Adds a leaf, if the run goes on there.</summary>
            public bool TryJoin(Run leaf)
            {
                if (!IsThere
                    || LastIova + 1 != leaf.Iova
                    || PhysicalAddress + (LastIova - Iova) + 1 != leaf.PhysicalAddress
                    || PageLog2 != leaf.PageLog2
                    || Attributes != leaf.Attributes
                    || Rights != leaf.Rights)
                {
                    return false;
                }

                LastIova = leaf.LastIova;
                return true;
            }
        }
    }
}
