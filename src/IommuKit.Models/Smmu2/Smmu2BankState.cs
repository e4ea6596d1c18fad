using IommuKit.Models.State;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <summary>The registers of a context bank, and what of it is in global space 1.</summary>
internal sealed class Smmu2BankState
{
    public uint SystemControl;
    public uint Auxiliary;
    public uint Control2;
    public ulong Table0;
    public ulong Table1;
    public uint TableControl;
    public uint ContextId;
    public uint MemoryTypes0;
    public uint MemoryTypes1;
    public ulong TranslationResult;
    public uint FaultStatus;
    public ulong FaultAddress;
    public uint Syndrome0;
    public ulong FaultIpa;
    public uint FaultStream;
    public uint Attributes;
    public uint Attributes2;

    /// <summary>Whether a sync is under way, and how many more reads see that.</summary>
    public bool IsSyncing;
    public int SyncReads;

    /// <summary>The transaction that stalls, if FSR.SS is set.</summary>
    public uint StalledStream;
    public ulong StalledAddress;
    public int StalledAccess;

    public bool IsEnabled => (SystemControl & Smmu2Bank.Control.Enable) != 0;

    /// <summary>Whether the model counts it among those that others have to look at.</summary>
    public bool IsHolding;

    /// <summary>Whether FSR, which has no FORMAT here, tells of anything: of what follows no details are recorded.</summary>
    public bool HasFault => FaultStatus != 0;

    /// <summary>Whether the bank's interrupt is raised. A stall alone is no fault to tell of.</summary>
    public bool IsRaised => (FaultStatus & ~Smmu2Bank.Faults.Stalled) != 0 && (SystemControl & Smmu2Bank.Control.FaultInterrupt) != 0;

    /// <summary>Whether a fault concerns transactions that come after it: they end with it, or wait for it, unless HUPCF lets them go on.</summary>
    public bool HoldsOthers => HasFault && (SystemControl & Smmu2Bank.Control.HitUnderFault) == 0;

    public bool IsStalled => (FaultStatus & Smmu2Bank.Faults.Stalled) != 0;

    public bool Has64BitTables => (Attributes2 & Smmu2Routing.Tables64) != 0;

    public Smmu2BankType Type => new Smmu2BankAttributes(Attributes).Type;

    public Smmu2Request Stalled => new(StalledStream, StalledAddress, (Smmu2Access)StalledAccess);

    /// <summary>As after reset.</summary>
    public void Reset(Smmu2Unit unit)
    {
        SystemControl = Smmu2Bank.Control.Reset;
        Auxiliary = unit.HasCacheLock ? 3u : 0;
        (Control2, TableControl, ContextId, MemoryTypes0, MemoryTypes1) = (0, 0, 0, 0, 0);
        (Table0, Table1, TranslationResult, FaultAddress, FaultIpa) = (0, 0, 0, 0, 0);
        (FaultStatus, Syndrome0, FaultStream, Attributes, Attributes2) = (0, 0, 0, 0, 0);
        (IsSyncing, SyncReads) = (false, 0);
        (StalledStream, StalledAddress, StalledAccess) = (0, 0, 0);
    }

    /// <summary>Saves or restores them.</summary>
    public void Transfer(ref StateTransfer state)
    {
        state.Value(ref SystemControl);
        state.Value(ref Auxiliary);
        state.Value(ref Control2);
        state.Value(ref Table0);
        state.Value(ref Table1);
        state.Value(ref TableControl);
        state.Value(ref ContextId);
        state.Value(ref MemoryTypes0);
        state.Value(ref MemoryTypes1);
        state.Value(ref TranslationResult);
        state.Value(ref FaultStatus);
        state.Value(ref FaultAddress);
        state.Value(ref Syndrome0);
        state.Value(ref FaultIpa);
        state.Value(ref FaultStream);
        state.Value(ref Attributes);
        state.Value(ref Attributes2);
        state.Value(ref IsSyncing);
        state.Value(ref SyncReads);
        state.Value(ref StalledStream);
        state.Value(ref StalledAddress);
        state.Value(ref StalledAccess);
    }
}
