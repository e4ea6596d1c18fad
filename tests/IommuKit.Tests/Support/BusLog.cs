using System.Globalization;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;

namespace IommuKit.Tests.Support;

/// <summary>Registers that hold what is written, but for the interrupt status at 0, and a cache; every access is written down.</summary>
internal sealed class BusLog : IMmio, ICpuCache
{
    public Dictionary<uint, uint> Registers { get; } = [];

    public List<string> Calls { get; } = [];

    public int LineSize => 64;

    public uint Read32(uint offset)
    {
        Add($"R {offset:x3}");
        return Registers.GetValueOrDefault(offset);
    }

    public void Write32(uint offset, uint value)
    {
        Add($"W {offset:x3} {value:x8}");
        Registers[offset] = offset == 0 ? Registers.GetValueOrDefault(offset) & ~value : value;
    }

    public void Clean(ulong physicalAddress, ulong length) => Add($"C {physicalAddress:x} {length}");

    public void Barrier() => Add($"B");

    private void Add(FormattableString text) => Calls.Add(text.ToString(CultureInfo.InvariantCulture));
}
