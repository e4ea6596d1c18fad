namespace IommuKit.Models.Smmu3;

/// <summary>Where an interrupt goes: the three registers _IRQ_CFG0 to 2 (IHI 0070, section 6.3.20).</summary>
internal struct Smmu3QueueMessage
{
    /// <summary>The register of memory attributes.</summary>
    public const uint Attributes = 12;

    private const ulong AddressMask = 0x00ff_ffff_ffff_fffc;
    private const uint AttributeMask = 0x3f;
    private const uint LastBit = 1u << 31;

    public ulong Address;
    public uint Data;
    public uint Configuration;

    /// <summary>LO of page requests: tell of the last one of a group.</summary>
    public readonly bool IsToldOfLast => (Configuration & LastBit) != 0;

    public readonly uint Read(uint register) => register switch
    {
        0 => (uint)Address,
        4 => (uint)(Address >> 32),
        8 => Data,
        _ => Configuration,
    };

    public void Write(uint register, uint value, bool hasMessages, bool hasLast)
    {
        switch (register)
        {
            case 0:
                Address = ((Address & ~0xffff_fffful) | value) & AddressMask;
                break;
            case 4:
                Address = ((Address & 0xffff_ffff) | ((ulong)value << 32)) & AddressMask;
                break;
            case 8:
                Data = value;
                break;
            default:
                Configuration = value & ((hasMessages ? AttributeMask : 0) | (hasLast ? LastBit : 0));
                break;
        }
    }
}
