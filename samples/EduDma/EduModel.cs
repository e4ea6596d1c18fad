using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Specs.Mmio;

namespace EduDma;

/// <summary>A model of the device "edu", as far as the driver uses it: transfers, which are done at once.</summary>
/// <param name="port">Its way to memory, through an IOMMU.</param>
public sealed class EduModel(DmaDevice<DeviceMemory> port) : IMmio
{
    private const ulong OwnMemory = 0x4_0000;

    private readonly byte[] _own = new byte[4096];
    private readonly ulong[] _transfer = new ulong[3];

    /// <inheritdoc/>
    public uint Read32(uint offset) => offset == 0 ? 0x0100_00edu : 0;

    /// <inheritdoc/>
    public void Write64(uint offset, ulong value) => _transfer[(offset - 0x80) / 8] = value;

    /// <inheritdoc/>
    public void Write32(uint offset, uint value)
    {
        if (offset == 0x90)
        {
            _transfer[2] = value;
        }
        else if (offset == 0x98)
        {
            bool fromDevice = (value & 2) != 0;
            var bytes = _own.AsSpan((int)(_transfer[fromDevice ? 0 : 1] - OwnMemory), (int)_transfer[2]);
            _ = fromDevice ? port.Write(_transfer[1], bytes) : port.Read(_transfer[0], bytes);
        }
    }
}
