namespace IommuKit.Specs.Mmio;

/// <summary>Memory-mapped registers: the only way a driver and the hardware (or its model) talk, besides memory and interrupts.</summary>
/// <remarks>
/// Offsets are bytes from the start of the unit's register block. Writes may be posted; a read returns after all earlier writes took effect.
/// </remarks>
public interface IMmio
{
    /// <summary>Reads a 32-bit register.</summary>
    uint Read32(uint offset);

    /// <summary>Writes a 32-bit register.</summary>
    void Write32(uint offset, uint value);

    /// <summary>Reads a 64-bit register; where the unit has none, two 32-bit reads, low half first.</summary>
    ulong Read64(uint offset) => Read32(offset) | ((ulong)Read32(offset + 4) << 32);

    /// <summary>Writes a 64-bit register; where the unit has none, two 32-bit writes, low half first.</summary>
    void Write64(uint offset, ulong value)
    {
        Write32(offset, (uint)value);
        Write32(offset + 4, (uint)(value >> 32));
    }
}
