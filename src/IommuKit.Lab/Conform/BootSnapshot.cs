namespace IommuKit.Lab.Conform;

/// <summary>A snapshot of a recorded boot: what a unit with cold caches is brought to, and what it was asked then.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Memory">Memory at that moment. The next snapshot goes on in the same memory.</param>
/// <param name="Registers">The registers, in an order in which they can be programmed.</param>
/// <param name="Probes">The accesses that were made.</param>
internal sealed record BootSnapshot(string Name, BootMemory Memory, IReadOnlyList<BootRegister> Registers, IReadOnlyList<BootProbe> Probes)
{
    /// <summary>The value of a register, or null if the snapshot does not have it.</summary>
    public ulong? ValueOf(uint offset)
    {
        foreach (var register in Registers)
        {
            if (register.Offset == offset)
            {
                return register.Value;
            }
        }

        return null;
    }
}
