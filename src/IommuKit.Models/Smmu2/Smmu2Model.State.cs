using IommuKit.Models.State;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <content>Reset, save and restore.</content>
public sealed partial class Smmu2Model<TMemory>
{
    private const string StateKind = "smmu2";
    private const int StateVersion = 2;

    /// <inheritdoc/>
    public byte[] Save()
    {
        lock (_gate)
        {
            var state = StateTransfer.Save();
            Transfer(ref state);
            return state.ToArray();
        }
    }

    /// <inheritdoc/>
    public void Restore(ReadOnlySpan<byte> state)
    {
        try
        {
            lock (_gate)
            {
                _drops++;
                StateTransfer.Restore(state, Transfer, ResetAll);
                _piecedSizes |= _brokenSizes;
                if (_invalidated is not null)
                {
                    Settle(GlobalBank, coveredOnly: false);
                }
            }
        }
        finally
        {
            TellEverything();
            Accesses.Drain();
            TellIfDue();
        }
    }

    private void ResetAll()
    {
        ClearCaches();
        ResetRegisters();
    }

    /// <summary>Names everything that is the state, once for both directions.</summary>
    private void Transfer(ref StateTransfer state)
    {
        state.Header(
            StateKind,
            StateVersion,
            (long)_unit.Version,
            _unit.Idr0,
            _unit.Idr1,
            _unit.Idr2,
            _options.Iotlb.Sets,
            _options.Iotlb.Ways,
            _options.TableCache.Sets,
            _options.TableCache.Ways,
            _posted.Length);
        state.Value(ref _control);
        state.Value(ref _auxiliary);
        state.Value(ref _globalStatus);
        state.Value(ref _globalAddress);
        state.Value(ref _globalSyndrome0);
        state.Value(ref _globalSyndrome1);
        state.Value(ref _globalResult);
        state.Value(ref _isSyncing);
        state.Value(ref _syncReads);
        state.Values(_matches.AsSpan());
        state.Values(_contexts.AsSpan());
        foreach (var bank in _banks)
        {
            bank.Transfer(ref state);
        }

        state.Value(ref _postedCount);
        StateTransfer.Check((uint)_postedCount <= (uint)_posted.Length, "more invalidations wait than can");
        for (int i = 0; i < _postedCount; i++)
        {
            _posted[i].Transfer(ref state);
        }

        state.Value(ref _brokenSizes);
        _pages.Transfer(ref state);
        _tables.Transfer(ref state);
        if (state.IsRestoring)
        {
            Sanitize();
        }
    }

    /// <summary>Makes what follows from the state follow, and takes away bits that no write could have set.</summary>
    private void Sanitize()
    {
        _control &= ControlMask;
        _globalStatus &= Smmu2Global.Faults.Mask;
        for (int index = 0; index < _banks.Length; index++)
        {
            var bank = _banks[index];
            bank.SystemControl &= SystemControlMask;
            bank.SyncReads = Math.Clamp(bank.SyncReads, 0, _options.SyncReads);
            bank.StalledAccess &= 0xf;
            bank.Attributes &= _unit.IsStage2Bank(index) ? ~Smmu2BankAttributes.TypeMask : uint.MaxValue;
            bank.FaultStatus &= Smmu2Bank.Faults.All | Smmu2Bank.Faults.Multiple | Smmu2Bank.Faults.Stalled;
            UpdateLine(index);
        }

        _syncReads = Math.Clamp(_syncReads, 0, _options.SyncReads);
        UpdateGlobalLine();
        ChangeRoutes();
    }
}
