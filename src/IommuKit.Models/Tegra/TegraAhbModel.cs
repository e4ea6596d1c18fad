using IommuKit.Specs.Mmio;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tegra;

/// <summary>The one register of the AHB arbiter that the SMMU's driver touches.</summary>
public sealed class TegraAhbModel : IMmio
{
    private uint _xbarControl;

    /// <summary>Whether the driver has declared the SMMU ready.</summary>
    public bool IsSmmuReady => (_xbarControl & TegraAhb.SmmuInitDone) != 0;

    /// <inheritdoc/>
    public uint Read32(uint offset) => offset == TegraAhb.XbarControl ? _xbarControl : 0;

    /// <inheritdoc/>
    public void Write32(uint offset, uint value)
    {
        if (offset == TegraAhb.XbarControl)
        {
            _xbarControl = value;
        }
    }
}
