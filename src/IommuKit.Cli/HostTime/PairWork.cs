namespace IommuKit.Cli.HostTime;

/// <summary>Maps that are measured, and the unmaps that undo them. Each call does every slot once.</summary>
internal abstract class PairWork
{
    /// <summary>Operations in one call.</summary>
    public abstract int Slots { get; }

    /// <summary>Maps every slot. Throws if one fails.</summary>
    public abstract void Map();

    /// <summary>Unmaps every slot. Throws if one is not unmapped wholly.</summary>
    public abstract void Unmap();

    /// <summary>Looks every page up. Throws if one is not as it should be.</summary>
    public abstract void Verify(bool isMapped);

    /// <summary>Does everything once, and checks it.</summary>
    public void DoVerified()
    {
        Map();
        Verify(isMapped: true);
        Unmap();
        Verify(isMapped: false);
    }

    /// <summary>Throws if something that was measured did not do its work.</summary>
    protected static void Check(bool isRight)
    {
        if (!isRight)
        {
            throw new InvalidOperationException("A page table did not do what was measured.");
        }
    }
}
