using System.Globalization;
using IommuKit.Lab.Inspect;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Lab.Iommus.Smmu3;

/// <summary>States of machines with an SMMUv3 (IHI 0070, chapters 5 and 6).</summary>
internal sealed class Smmu3Inspect : IInspectKind
{
    private const int TwoLevels = 1;

    /// <summary>The kind; it has no state.</summary>
    public static Smmu3Inspect Instance { get; } = new();

    private Smmu3Inspect()
    {
    }

    /// <inheritdoc/>
    public string Name => "smmu3";

    /// <inheritdoc/>
    public bool Recognises(InspectInput input) =>
        input.Find(Smmu3Register.Idr5) is not null
        && input.Find(Smmu3Register.StreamTable) is not null
        && input.Find(Smmu3Register.Control0) is not null;

    /// <inheritdoc/>
    public void Read(InspectInput input, InspectBuilder builder)
    {
        var unit = new Smmu3Unit(
            input.Name,
            (uint)input.ValueOf(Smmu3Register.Idr0),
            (uint)input.ValueOf(Smmu3Register.Idr1),
            (uint)input.ValueOf(Smmu3Register.Idr3),
            (uint)input.ValueOf(Smmu3Register.Idr5),
            (uint)input.ValueOf(Smmu3Register.Iidr),
            (uint)input.ValueOf(Smmu3Register.Aidr));
        uint control = (uint)input.ValueOf(Smmu3Register.Control0);
        bool aborts = (input.ValueOf(Smmu3Register.GlobalBypass) & Smmu3Register.Bypass.Abort) != 0;
        builder.Require(
            (control & Smmu3Register.Control.Enable) != 0,
            InspectRule.Enabled,
            $"SMMUEN of CR0 is 0: GBPA rules, by which everything {(aborts ? "is aborted" : "passes untranslated")}");
        builder.Require((control & Smmu3Register.Control.CommandQueue) != 0, InspectRule.Commands, "CMDQEN of CR0 is 0");
        builder.Require((control & Smmu3Register.Control.EventQueue) != 0, InspectRule.Events, "EVENTQEN of CR0 is 0");
        ReadErrors(input, unit, builder);
        AddQueue(
            builder,
            input.ValueOf(Smmu3Register.CommandQueue),
            Smmu3Command.Bytes,
            "the command queue",
            "CMDQ_BASE is 0, and the command queue is on",
            (control & Smmu3Register.Control.CommandQueue) != 0);
        AddQueue(
            builder,
            input.ValueOf(Smmu3Register.EventQueue),
            Smmu3Event.Bytes,
            "the event queue",
            "EVENTQ_BASE is 0, and the event queue is on: records of faults go to address 0",
            (control & Smmu3Register.Control.EventQueue) != 0);
        if (unit.HasPageRequests)
        {
            AddQueue(
                builder,
                input.ValueOf(Smmu3Register.PageRequestQueue),
                Smmu3PageRequest.Bytes,
                "the queue of page requests",
                "PRIQ_BASE is 0, and the queue of page requests is on",
                (control & Smmu3Register.Control.PageRequestQueue) != 0);
        }

        if ((control & Smmu3Register.Control.Enable) != 0)
        {
            new Streams(input, unit, builder).Read();
        }
    }

    private static void ReadErrors(InspectInput input, Smmu3Unit unit, InspectBuilder builder)
    {
        ulong active = (input.ValueOf(Smmu3Register.GlobalError) ^ input.ValueOf(Smmu3Register.GlobalErrorAck)) & Smmu3Register.Errors.Mask;
        builder.Require(active == 0, InspectRule.Errors, $"GERROR and GERRORN differ in 0x{active:x}");
        ulong reason = (input.ValueOf(Smmu3Register.CommandConsumer) >> Smmu3Register.CommandErrorShift) & 0x7f;
        builder.Require(reason == 0, InspectRule.Errors, $"CMDQ_CONS has the error {(Smmu3CommandError)reason}");
        builder.Require(
            !HasOverflow(input, Smmu3Register.EventProducer, Smmu3Register.EventConsumer), InspectRule.Errors, "the event queue has overflowed");
        builder.Require(
            !unit.HasPageRequests || !HasOverflow(input, Smmu3Register.PageRequestProducer, Smmu3Register.PageRequestConsumer),
            InspectRule.Errors,
            "the queue of page requests has overflowed: requests are answered without anybody who reads them");
    }

    private static bool HasOverflow(InspectInput input, uint producer, uint consumer) =>
        ((input.ValueOf(producer) ^ input.ValueOf(consumer)) & Smmu3Register.Overflow) != 0;

    private static void AddQueue(InspectBuilder builder, ulong register, int entryBytes, string what, string wrong, bool isOn)
    {
        ulong address = register & Smmu3Register.QueueAddressMask;
        builder.Require(address != 0 || !isOn, InspectRule.Tables, wrong);
        if (address != 0)
        {
            ulong bytes = (ulong)entryBytes << (int)Math.Min(register & Smmu3Register.QueueSizeMask, 19);
            if (isOn)
            {
                builder.AddWhole(address, bytes, what);
            }
            else
            {
                builder.AddStructure(address, bytes, what);
            }
        }
    }

    /// <summary>Goes through the stream table.</summary>
    private sealed class Streams(InspectInput input, Smmu3Unit unit, InspectBuilder builder)
    {
        private const ulong TableMask = 0x00ff_ffff_ffff_ffc0;

        private bool _hasValid;
        private bool _isWhole = true;

        public void Read()
        {
            ReadTable();
            if (_isWhole && !_hasValid && !builder.IsFull)
            {
                builder.Note(InspectRule.Tables, "no entry of the stream table is valid: whatever a device sends is aborted");
            }
        }

        private void ReadTable()
        {
            ulong config = input.ValueOf(Smmu3Register.StreamTableConfig);
            int bits = Math.Min((int)config & 0x3f, unit.StreamBits);
            ulong table = input.ValueOf(Smmu3Register.StreamTable) & TableMask;
            builder.Require(table != 0, InspectRule.Tables, "STRTAB_BASE is 0");
            if (table == 0)
            {
                _isWhole = false;
                return;
            }

            int split = ((int)(config >> 16) & 3) == TwoLevels ? ((int)(config >> 6) & 0x1f) switch { 8 => 8, 10 => 10, _ => 6 } : 0;
            if (split == 0)
            {
                builder.AddStructure(table, (ulong)Smmu3StreamEntry.Bytes << bits, "the stream table");
                ReadEntries(table, 0, 1u << Math.Min(bits, 31));
                return;
            }

            int pointerBits = Math.Max(bits - split, 0);
            builder.AddStructure(table, (ulong)Smmu3StreamTableEntry.Bytes << pointerBits, "the stream table's first level");
            for (uint index = 0; index < 1u << pointerBits && builder.TryTakeEntry(); index++)
            {
                ulong place = table + (index * (ulong)Smmu3StreamTableEntry.Bytes);
                if (input.Read(place) is not { } word)
                {
                    builder.Require(false, InspectRule.Tables, $"there is no memory at 0x{place:x}, where the stream table's first level is");
                    _isWhole = false;
                    return;
                }

                var pointer = new Smmu3StreamTableEntry(word);
                if (pointer.Span != 0)
                {
                    builder.Require(
                        pointer.Span <= Smmu3StreamTableEntry.MaxSpan && pointer.Span <= split + 1,
                        InspectRule.Tables,
                        $"the stream table's first level has the reserved Span {pointer.Span} at 0x{place:x}");
                    int log2 = Math.Min(pointer.StreamsLog2, split);
                    builder.AddStructure(pointer.Table, (ulong)Smmu3StreamEntry.Bytes << log2, "a stream table of the second level");
                    ReadEntries(pointer.Table, index << split, 1u << log2);
                }
            }
        }

        private void ReadEntries(ulong table, uint firstStream, uint count)
        {
            for (uint index = 0; index < count && builder.TryTakeEntry(); index++)
            {
                ulong place = table + (index * (ulong)Smmu3StreamEntry.Bytes);
                if (input.Read(place) is not { } first)
                {
                    builder.Require(false, InspectRule.Tables, $"there is no memory at 0x{place:x}, where the stream table is");
                    _isWhole = false;
                    return;
                }

                ReadEntry(
                    firstStream + index, new Smmu3StreamEntry(first, Word(place, 1), Word(place, 2), Word(place, 3)));
            }
        }

        private ulong Word(ulong place, int index) => input.Read(place + ((ulong)(uint)index * sizeof(ulong))) ?? 0;

        private void ReadEntry(uint stream, in Smmu3StreamEntry entry)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"stream 0x{stream:x}");
            _hasValid |= entry.IsValid;
            if (!entry.IsValid || entry.Config < Smmu3StreamEntry.Bypass)
            {
                builder.Blocked++;
                return;
            }

            switch (entry.Config)
            {
                case Smmu3StreamEntry.Bypass:
                    builder.Add(new InspectSource(name, null, InspectState.Bypass, "bypass", null, null));
                    break;
                case Smmu3StreamEntry.Stage1:
                    new Smmu3ContextInspect(name, entry, unit, input, builder).Read();
                    break;
                case Smmu3StreamEntry.Stage2:
                    var table = SecondStage(entry);
                    var state = table is null ? InspectState.Illegal : InspectState.Translated;
                    builder.Add(new InspectSource(name, null, state, "stage 2", entry.Vmid, table));
                    break;
                default:
                    ReadNested(name, entry);
                    break;
            }
        }

        private void ReadNested(string name, in Smmu3StreamEntry entry)
        {
            // Descriptors and tables of stage 1 are at addresses of stage 2.
            var second = SecondStage(entry);
            var memory = second is null ? null : builder.Tables.Through(second);
            if (memory is null)
            {
                builder.Add(new InspectSource(name, null, InspectState.Illegal, "stage 1 on stage 2", entry.Vmid, second));
            }
            else
            {
                new Smmu3ContextInspect(name, entry, unit, input with { Memory = memory }, builder, second, memory).Read();
            }
        }

        private InspectTable? SecondStage(in Smmu3StreamEntry entry) => ArmInspectTables.Of(
            entry.Granule switch { 0 => 12, 1 => 16, 2 => 14, _ => 0 }, 2, entry.Table, 64 - entry.InputSize, unit.OutputBits(entry.OutputSize));

    }
}
