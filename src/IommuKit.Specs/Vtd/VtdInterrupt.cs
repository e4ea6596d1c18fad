namespace IommuKit.Specs.Vtd;

/// <summary>An interrupt as it leaves the remapping unit.</summary>
/// <param name="Vector">The vector.</param>
/// <param name="DeliveryMode">0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT, 7 ExtINT.</param>
/// <param name="IsLogical">Whether the destination is logical.</param>
/// <param name="HasRedirectionHint">Whether it goes to one of the destinations only.</param>
/// <param name="IsLevelTriggered">Whether it is level triggered.</param>
/// <param name="Destination">The APIC id, or the logical destination.</param>
public readonly record struct VtdInterrupt(
    byte Vector, byte DeliveryMode, bool IsLogical, bool HasRedirectionHint, bool IsLevelTriggered, uint Destination)
{
    private const uint FirstAddress = 0xfee0_0000;
    private const uint Assert = 1u << 14;

    /// <summary>The address of a message that says the same. Destinations of more than 8 bits have their upper bits in bits 63:40.</summary>
    public ulong MessageAddress =>
        FirstAddress | ((Destination & 0xff) << 12) | (HasRedirectionHint ? 8u : 0) | (IsLogical ? 4u : 0) | ((ulong)(Destination >> 8) << 40);

    /// <summary>The data of a message that says the same.</summary>
    public uint MessageData => Vector | ((uint)DeliveryMode << 8) | Assert | (IsLevelTriggered ? 1u << 15 : 0);

    /// <summary>Whether a physical address is one of interrupts: FEE0_0000h to FEEF_FFFFh.</summary>
    public static bool IsInterruptAddress(ulong address) => address >> 20 == FirstAddress >> 20;

    /// <summary>Reads a message in compatibility format.</summary>
    public static VtdInterrupt FromMessage(ulong address, uint data) => new(
        (byte)data,
        (byte)((data >> 8) & 7),
        (address & 4) != 0,
        (address & 8) != 0,
        (data >> 15 & 1) != 0,
        (uint)(address >> 12) & 0xff);
}
