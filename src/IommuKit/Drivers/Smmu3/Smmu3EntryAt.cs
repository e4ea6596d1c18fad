using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <summary>An entry in memory, and the command that drops what hardware remembers of it.</summary>
internal readonly struct Smmu3EntryAt(Smmu3Blocks blocks, Smmu3CommandQueue queue, ulong address, Smmu3Command drop) : ISmmu3Entry
{
    private const ulong EntryBytes = 64;

    public ulong Load(int word) => blocks.Load(address + ((ulong)word * sizeof(ulong)));

    public void Store(int word, ulong value) => blocks.Store(address + ((ulong)word * sizeof(ulong)), value);

    public void Invalidate()
    {
        blocks.Publish(address, EntryBytes);
        queue.PushAndWait(drop);
    }
}
