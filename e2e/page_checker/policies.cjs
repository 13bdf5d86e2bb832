// Reads Content-Security-Policies as JSON, and writes for each what Google's evaluator finds.
const { CspEvaluator } = require(`${process.argv[2]}/csp_evaluator/dist/evaluator.js`);
const { CspParser } = require(`${process.argv[2]}/csp_evaluator/dist/parser.js`);
const policies = JSON.parse(require("fs").readFileSync(0, "utf8"));
const found = (policy) => new CspEvaluator(new CspParser(policy).csp).evaluate();
const told = ({ directive, value, description }) => `${directive} ${value}: ${description}`;
console.log(JSON.stringify(policies.map((policy) => found(policy).map(told))));
