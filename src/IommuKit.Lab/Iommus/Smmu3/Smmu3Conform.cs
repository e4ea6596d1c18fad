using IommuKit.Lab.Conform;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Lab.Iommus.Smmu3;

/// <summary>Recorded boots of machines with an SMMUv3.</summary>
internal sealed class Smmu3Conform : IConformKind
{
    private const string NoRecord = "none";
    private const string Bypassed = "bypass";

    /// <summary>The kind; it has no state.</summary>
    public static Smmu3Conform Instance { get; } = new();

    private Smmu3Conform()
    {
    }

    /// <inheritdoc/>
    public string Name => "smmu3";

    /// <inheritdoc/>
    public bool Recognises(BootSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        return snapshot.ValueOf(Smmu3Register.Idr0) is not null
            && snapshot.ValueOf(Smmu3Register.StreamTable) is not null
            && snapshot.Registers.Any(register => register is { Kind: BootRegisterKind.Capability, Offset: Smmu3Register.Idr5, Size: 4 });
    }

    /// <inheritdoc/>
    public IConformUnit Load(BootSnapshot snapshot, BootMemory memory)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        return new Unit(snapshot, memory);
    }

    /// <inheritdoc/>
    public string? KnownDeviation(BootSnapshot snapshot, BootProbe probe, ProbeAnswer seen)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(probe);
        ArgumentNullException.ThrowIfNull(seen);
        if (probe.Answer is { Outcome: ProbeOutcome.Passed, Rights: Bypassed } && seen.FaultKind == "F_ADDR_SIZE")
        {
            // IHI 0070, section 3.4: a bypassed address has at most as many bits as a physical one.
            return "the recorder passes addresses through that are wider than physical ones";
        }

        if (probe.Answer.FaultKind == seen.FaultKind && IsSameButForIpa(probe.Answer.FaultRecord, seen.FaultRecord))
        {
            // IHI 0070, section 7.3.13: IPA is bits 247:204.
            return "the recorder tells the low 12 bits of an IPA, where the record has zeros";
        }

        // Only where the recording itself says that an event should have been: a unit that loses events otherwise is wrong.
        if (probe.Answer is not { Outcome: ProbeOutcome.Fault, FaultKind: "NONE" } || seen.Outcome != ProbeOutcome.Fault || !probe.IsDisputed)
        {
            return null;
        }

        // The faults are there on both sides. IHI 0070, section 5.2: with S2R they are recorded; section 3.4: what is too wide for an IPA always is,
        // as one of stage 1.
        return (seen.FaultKind, IsOfStage2(seen.FaultRecord)) switch
        {
            ("F_ADDR_SIZE", false) => "the recorder records nothing of an address that is wider than an IPA",
            ("F_TRANSLATION", true) => "the recorder records nothing of an address beyond the input range of stage 2",
            ("F_PERMISSION", true) => "the recorder records nothing of a write that its TLB denies",
            _ => null,
        };
    }

    /// <inheritdoc/>
    public IConformDriver Drive(string kernel, BootSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(snapshot);
        return new Smmu3ConformDriver(UnitOf(snapshot), kernel);
    }

    private static Smmu3Unit UnitOf(BootSnapshot snapshot)
    {
        return new Smmu3Unit(
            snapshot.Name,
            Capability(Smmu3Register.Idr0),
            Capability(Smmu3Register.Idr1),
            Capability(Smmu3Register.Idr3),
            Capability(Smmu3Register.Idr5),
            Capability(Smmu3Register.Iidr),
            Capability(Smmu3Register.Aidr));

        uint Capability(uint offset) => (uint)(snapshot.ValueOf(offset) ?? 0);
    }

    /// <summary>Whether a record is of a fault of stage 2: bit 103 (IHI 0070, section 7.3.13).</summary>
    private static bool IsOfStage2(string? record)
    {
        const int digit = 2 * 12;
        return record is { Length: 2 * Smmu3Event.Bytes } && record[digit] is (>= '8' and <= '9') or (>= 'a' and <= 'f');
    }

    /// <summary>Whether two records differ in bits 203:192 alone.</summary>
    private static bool IsSameButForIpa(string? recorded, string? seen)
    {
        const int ipa = 2 * 24;
        return recorded is not null
            && seen is not null
            && recorded.Length == seen.Length
            && recorded.Length == 2 * Smmu3Event.Bytes
            && string.Equals(recorded[..ipa], seen[..ipa], StringComparison.Ordinal)
            && seen[ipa..(ipa + 2)] == "00"
            && recorded[ipa + 2] == seen[ipa + 2]
            && seen[ipa + 3] == '0'
            && string.Equals(recorded[(ipa + 4)..], seen[(ipa + 4)..], StringComparison.Ordinal);
    }

    private sealed class Unit : IConformUnit
    {
        private readonly BootMemory _memory;
        private readonly Smmu3Model<CallbackMemory> _model;

        // A register may be written twice on the way to the state: each is read right after it was written, in the order of the snapshot.
        private readonly Queue<ulong> _seen = new();

        public Unit(BootSnapshot snapshot, BootMemory memory)
        {
            _memory = memory;
            _model = new Smmu3Model<CallbackMemory>(UnitOf(snapshot), new CallbackMemory(memory));
            foreach (var register in snapshot.Registers)
            {
                if (register.Kind == BootRegisterKind.Written)
                {
                    Write(register);
                }

                _seen.Enqueue(Read(register));
            }
        }

        public ulong ReadRegister(uint offset, int size) =>
            _seen.TryDequeue(out ulong value) ? value : size == 8 ? _model.Read64(offset) : _model.Read32(offset);

        public ProbeAnswer Answer(BootProbe probe)
        {
            var answer = _model.Translate(new Smmu3Request(probe.Source, probe.Iova, probe.IsWrite ? Smmu3Access.Write : Smmu3Access.Read));
            if (answer.Outcome == Smmu3Outcome.Allowed)
            {
                var range = answer.Range;

                // What is passed through has no page, and the recorder says so.
                bool isWhole = range.Iova == 0 && range.PhysicalAddress == 0 && range.Length > 1ul << 36;
                return new ProbeAnswer(
                    ProbeOutcome.Passed,
                    range.PhysicalOf(probe.Iova),
                    isWhole ? Bypassed : RightsOf(range.Rights),
                    isWhole ? null : int.CreateTruncating(ulong.Log2(range.Length)));
            }

            string? record = TakeRecord();
            return new ProbeAnswer(
                ProbeOutcome.Fault, FaultKind: record is null ? "ABORT" : Smmu3EventName.Of(answer.Event), FaultRecord: record ?? NoRecord);
        }

        private void Write(BootRegister register)
        {
            if (register.Size == 8)
            {
                _model.Write64(register.Offset, register.Value);
            }
            else
            {
                _model.Write32(register.Offset, (uint)register.Value);
            }
        }

        private ulong Read(BootRegister register)
        {
            ulong value = register.Size == 8 ? _model.Read64(register.Offset) : _model.Read32(register.Offset);

            // What is recorded of GBPA is the write; UPDATE reads as 0 when it is done.
            bool isUpdate = register is { Kind: BootRegisterKind.Written, Offset: Smmu3Register.GlobalBypass };
            return isUpdate ? value | (register.Value & Smmu3Register.Bypass.Update) : value;
        }

        private static string RightsOf(Protection rights) =>
            ((rights & Protection.Read) != 0 ? "r" : string.Empty) + ((rights & Protection.Write) != 0 ? "w" : string.Empty);

        private string? TakeRecord()
        {
            uint producer = _model.Read32(Smmu3Register.EventProducer);
            uint consumer = _model.Read32(Smmu3Register.EventConsumer);
            if (producer == consumer)
            {
                return null;
            }

            ulong queue = _model.Read64(Smmu3Register.EventQueue);
            uint mask = (1u << (int)(queue & Smmu3Register.QueueSizeMask)) - 1;
            byte[] bytes = new byte[Smmu3Event.Bytes];
            _memory.TryRead((queue & Smmu3Register.QueueAddressMask) + ((consumer & mask) * (ulong)Smmu3Event.Bytes), bytes);
            _model.Write32(Smmu3Register.EventConsumer, producer);
            return Convert.ToHexStringLower(bytes);
        }
    }
}
