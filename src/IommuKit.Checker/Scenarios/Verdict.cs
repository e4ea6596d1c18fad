namespace IommuKit.Checker.Scenarios;

/// <summary>What is wrong.</summary>
public enum Verdict
{
    /// <summary>Maintenance is missing: some cache can still answer with what was there before.</summary>
    Missing,

    /// <summary>
    /// All was done, but in the wrong order: one that lets a cache fetch again what it had just dropped, or in which an entry was visible half stored.
    /// </summary>
    Order,

    /// <summary>Maintenance of that kind was done, but to something else: another address, address space or size.</summary>
    WrongTarget,

    /// <summary>Memory of a table is in use again while hardware may still follow an old pointer to it.</summary>
    EarlyFree,

    /// <summary>The maintenance was asked for, but nobody waited until it was done.</summary>
    NotComplete,

    /// <summary>The page table itself does not say what was mapped.</summary>
    WrongTable,

    /// <summary>A device that was attached is not translated by the domain, or was translated by another while its entry changed.</summary>
    WrongRoute,
}
