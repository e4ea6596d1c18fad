using System.Globalization;
using IommuKit.Drivers.Vtd;
using IommuKit.Lab.Conform;
using IommuKit.Models.Memory;
using IommuKit.Models.Vtd;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;

namespace IommuKit.Lab.Iommus.Vtd;

/// <summary>Recorded boots of machines with VT-d.</summary>
internal sealed class VtdConform : IConformKind
{
    /// <summary>The kind; it has no state.</summary>
    public static VtdConform Instance { get; } = new();

    private VtdConform()
    {
    }

    /// <inheritdoc/>
    public string Name => "vtd";

    /// <inheritdoc/>
    public bool Recognises(BootSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        return snapshot.Registers.Any(register => register is
        { Kind: BootRegisterKind.Capability, Offset: VtdRegister.ExtendedCapability, Size: 8, Name: "ECAP" or "" });
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
        bool isScalable = IsScalable(snapshot);
        if (probe.IsDisputed && probe.Answer.Outcome == ProbeOutcome.Passed && seen.Outcome == ProbeOutcome.Fault)
        {
            return "the recorder let an access pass by a translation that was no longer in the tables";
        }

        // 02 and 04 are reasons of legacy mode: SM has 41h for a context entry that is not present, 80h and 83h for addresses that are too wide.
        return isScalable && seen.Outcome == ProbeOutcome.Fault && (probe.Answer.FaultKind, seen.FaultKind) is
            ("2", "65") or ("4", "131") or ("4", "128")
            ? "the recorder reports scalable mode by a reason of legacy mode"
            : null;
    }

    /// <inheritdoc/>
    public IConformDriver? Drive(string kernel, BootSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);

        // Kernels take the first stage where there is one.
        var unit = UnitOf(snapshot);
        var extended = unit.ExtendedCapability;
        var mode = !IsScalable(snapshot) ? VtdMode.Legacy : extended.FirstStage ? VtdMode.FirstStage : VtdMode.SecondStage;
        return new VtdConformDriver(unit, mode, kernel, new VtdRecordedDevices(snapshot).WithTlbs);
    }

    private static bool IsScalable(BootSnapshot snapshot) =>
        (snapshot.ValueOf(VtdRegister.RootTable) >> 10 & 3) == (ulong)VtdTableMode.Scalable;

    private static VtdUnit UnitOf(BootSnapshot snapshot)
    {
        var capability = new VtdCapability(snapshot.ValueOf(VtdRegister.Capability) ?? 0);
        return new VtdUnit(
            snapshot.Name,
            capability,
            new VtdExtendedCapability(snapshot.ValueOf(VtdRegister.ExtendedCapability) ?? 0),
            Math.Clamp(capability.MaxGuestWidth, 39, 52),
            (uint)(snapshot.ValueOf(VtdRegister.Version) ?? 0x10));
    }

    private sealed class Unit : IConformUnit
    {
        private readonly VtdModel<CallbackMemory> _model;

        public Unit(BootSnapshot snapshot, BootMemory memory)
        {
            _model = new VtdModel<CallbackMemory>(UnitOf(snapshot), new CallbackMemory(memory));
            foreach (var register in snapshot.Registers)
            {
                if (register.Kind != BootRegisterKind.Capability)
                {
                    _model.LoadRegister(register.Offset, register.Value);
                }
            }
        }

        public ulong ReadRegister(uint offset, int size) => size == 8 ? _model.Read64(offset) : _model.Read32(offset);

        public ProbeAnswer Answer(BootProbe probe)
        {
            var answer = _model.Translate(new VtdRequest((ushort)probe.Source, probe.Iova, probe.IsWrite ? VtdAccess.Write : VtdAccess.Read));
            switch (answer.Outcome)
            {
                case VtdOutcome.Interrupt:
                    return new ProbeAnswer(ProbeOutcome.Interrupt);
                case VtdOutcome.Allowed:
                    var range = answer.Range;

                    // 64 stands for what is passed through.
                    bool isWhole = range.Iova == range.PhysicalAddress && range.Length > 1ul << 30;
                    int sizeLog2 = isWhole ? 64 : int.CreateTruncating(ulong.Log2(range.Length));
                    return new ProbeAnswer(ProbeOutcome.Passed, range.PhysicalOf(probe.Iova), RightsOf(range.Rights), sizeLog2);
                default:
                    return new ProbeAnswer(
                        ProbeOutcome.Fault,
                        FaultKind: ((int)answer.Reason).ToString(CultureInfo.InvariantCulture),
                        FaultRecord: TakeRecord());
            }
        }

        private static string RightsOf(Protection rights) =>
            ((rights & Protection.Read) != 0 ? "r" : string.Empty) + ((rights & Protection.Write) != 0 ? "w" : string.Empty);

        private string? TakeRecord()
        {
            uint index = (_model.Read32(VtdRegister.FaultStatus) >> VtdRegister.FaultStatusBits.RecordIndexShift) & 0xff;
            uint offset = _model.Unit.Capability.FaultRecordOffset + (index * VtdFaultRecord.Bytes);
            var record = new VtdFaultRecord(_model.Read64(offset), _model.Read64(offset + 8));
            _model.Write32(offset + 12, 1u << 31);
            _model.Write32(VtdRegister.FaultStatus, VtdRegister.FaultStatusBits.Clearable);
            return record.IsFault ? Hex(record.Lower) + Hex(record.Upper) : null;
        }

        private static string Hex(ulong value) => Convert.ToHexStringLower(BitConverter.GetBytes(value));
    }
}
