using IommuKit.Models.State;

namespace IommuKit.Models.Smmu2;

/// <summary>An invalidation that was issued and may have taken effect or not. What it is for is known from then on.</summary>
internal struct Smmu2Invalidation
{
    /// <summary>The bank that it was issued through, or −1.</summary>
    public int Bank;

    /// <summary>What spaces of what it drops have in common, and the bits that count.</summary>
    public ulong Space;
    public ulong SpaceMask;

    /// <summary>The addresses.</summary>
    public ulong First;
    public ulong Last;

    /// <summary>Whether pointers to tables stay.</summary>
    public bool IsLeaf;

    /// <summary>Whether a sync that has begun completes it.</summary>
    public bool IsCovered;

    /// <summary>Whether it drops translations of every address.</summary>
    public readonly bool IsEverything => First == 0 && Last == ulong.MaxValue;

    /// <summary>Saves or restores it.</summary>
    public void Transfer(ref StateTransfer state)
    {
        state.Value(ref Bank);
        state.Value(ref Space);
        state.Value(ref SpaceMask);
        state.Value(ref First);
        state.Value(ref Last);
        state.Value(ref IsLeaf);
        state.Value(ref IsCovered);
    }
}
